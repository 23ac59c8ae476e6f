"use strict";

// Copy buttons. A page opened from a disk may lack the clipboard, so there is a second way.
for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const source = document.getElementById(button.dataset.copy);
    let done = true;
    try {
      await navigator.clipboard.writeText(source.textContent);
    } catch {
      getSelection().selectAllChildren(source);
      done = document.execCommand("copy");
    }
    button.textContent = done ? "Copied" : "Press Ctrl+C";
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
}

// A map in space on a plain canvas: turned about the upright axis (yaw), then tilted (pitch).
function scatter(root, data, atlas) {
  const canvas = root.querySelector("canvas");
  const tip = root.querySelector(".tip");
  const pen = canvas.getContext("2d");
  const n = data.ranks.length;
  const START = { yaw: 0.6, pitch: 0.35, zoom: 1 };
  const EYE = 3.4; // distance of the eye, in units of the data's radius
  const view = { ...START };
  const x = new Float32Array(n), y = new Float32Array(n), depth = new Float32Array(n);
  const order = Array.from({ length: n }, (_, i) => i);
  let highlighted = null, picked = -1, width = 0, height = 0, queued = false, style = {};

  function project(a, b, c) {
    const cy = Math.cos(view.yaw), sy = Math.sin(view.yaw);
    const cp = Math.cos(view.pitch), sp = Math.sin(view.pitch);
    const u = cy * a + sy * c, w = cy * c - sy * a;
    const v = cp * b - sp * w, d = sp * b + cp * w; // d points to the eye
    const near = EYE / Math.max(EYE - d, 0.4);
    const unit = 0.47 * Math.min(width, height) * view.zoom * near;
    return [width / 2 + unit * u, height / 2 - unit * v, d, near];
  }

  function readStyle() {
    const css = getComputedStyle(root);
    for (const name of ["--ink", "--soft", "--line", "--card"]) style[name] = css.getPropertyValue(name).trim();
    style.font = css.fontFamily;
  }

  function resize() {
    const ratio = window.devicePixelRatio || 1;
    width = canvas.clientWidth;
    height = canvas.clientHeight;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    draw(); // at once: a new size has emptied the canvas
  }

  function redraw() {
    if (!queued) { queued = true; requestAnimationFrame(() => { queued = false; draw(); }); }
  }

  function draw() {
    pen.clearRect(0, 0, width, height);
    pen.font = "12px " + style.font;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    drawAxes();
    const p = data.points;
    for (let i = 0; i < n; i++) {
      const [px, py, d] = project(p[3 * i] / 1000, p[3 * i + 1] / 1000, p[3 * i + 2] / 1000);
      x[i] = px; y[i] = py; depth[i] = d;
    }
    order.sort((i, j) => depth[i] - depth[j]);
    const size = Math.max(1.6, Math.min(5, 110 / Math.sqrt(n))) * Math.sqrt(view.zoom);
    for (const i of order) {
      const rank = data.ranks[i];
      const near = EYE / Math.max(EYE - depth[i], 0.4);
      const dimmed = highlighted !== null && rank !== highlighted;
      pen.globalAlpha = dimmed ? 0.07 : Math.max(0.45, Math.min(0.95, 0.7 + 0.35 * depth[i]));
      pen.fillStyle = rank < 0 ? data.unassigned : data.clusters[rank].color;
      pen.beginPath();
      pen.arc(x[i], y[i], size * near, 0, 7);
      pen.fill();
    }
    pen.globalAlpha = 1;
    drawNumbers();
    drawPicked();
  }

  function drawAxes() {
    pen.strokeStyle = style["--line"];
    pen.fillStyle = style["--soft"];
    pen.lineWidth = 1;
    ["PC 1", "PC 2", "PC 3"].forEach((name, axis) => {
      const end = [0, 0, 0];
      end[axis] = 0.92;
      const a = project(...end), b = project(...end.map((e) => -e));
      pen.beginPath();
      pen.moveTo(a[0], a[1]);
      pen.lineTo(b[0], b[1]);
      pen.stroke();
      end[axis] = 0.99;
      const at = project(...end);
      pen.fillText(name, at[0], at[1]);
    });
  }

  function drawNumbers() {
    const many = data.clusters.length > 30;
    data.clusters.forEach((cluster, rank) => {
      if (!cluster.center || (highlighted === null ? many : rank !== highlighted)) return;
      const [px, py] = project(...cluster.center.map((c) => c / 1000));
      pen.font = "bold 12px " + style.font;
      const half = Math.max(9, 5 + pen.measureText(cluster.number).width / 2);
      pen.beginPath();
      pen.roundRect(px - half, py - 9, 2 * half, 18, 9);
      pen.fillStyle = cluster.color;
      pen.fill();
      pen.lineWidth = 1.5;
      pen.strokeStyle = style["--card"];
      pen.stroke();
      pen.fillStyle = cluster.ink;
      pen.fillText(cluster.number, px, py + 0.5);
    });
  }

  function drawPicked() {
    if (picked < 0) { tip.hidden = true; return; }
    pen.strokeStyle = style["--ink"];
    pen.lineWidth = 2;
    pen.beginPath();
    pen.arc(x[picked], y[picked], 7, 0, 7);
    pen.stroke();
    tip.hidden = false;
    const left = x[picked] + 14 + tip.offsetWidth > width ? x[picked] - 14 - tip.offsetWidth : x[picked] + 14;
    const top = Math.max(4, Math.min(height - tip.offsetHeight - 4, y[picked] - tip.offsetHeight / 2));
    tip.style.transform = `translate(${Math.round(Math.max(4, left))}px, ${Math.round(top)}px)`;
  }

  function pick(i) {
    if (i === picked) return;
    picked = i;
    if (i >= 0) describe(i);
    redraw();
  }

  function describe(i) {
    const { columns, width: w, height: h, ratio } = data.thumb;
    const rank = data.ranks[i];
    const lines = [data.names[i], rank < 0 ? "no cluster" : "cluster " + data.clusters[rank].number];
    const thumb = document.createElement("canvas");
    thumb.width = w;
    thumb.height = h;
    thumb.style.width = Math.round(84 * Math.min(1, ratio)) + "px";
    const ink = thumb.getContext("2d");
    const paint = () => ink.drawImage(atlas, (i % columns) * w, Math.floor(i / columns) * h, w, h, 0, 0, w, h);
    if (atlas.complete) paint(); else atlas.addEventListener("load", paint, { once: true });
    tip.replaceChildren(thumb, ...lines.map((line, j) => {
      const part = document.createElement(j ? "div" : "bdi");
      part.textContent = line; // text, never markup: names come from files
      return part;
    }));
  }

  function nearest(px, py, reach) {
    let best = -1, least = reach * reach;
    for (let i = 0; i < n; i++) {
      if (highlighted !== null && data.ranks[i] !== highlighted) continue;
      // Of points at much the same place the front one is meant.
      const d = (x[i] - px) ** 2 + (y[i] - py) ** 2 - 12 * depth[i];
      if (d < least) { least = d; best = i; }
    }
    return best;
  }

  function turn(yaw, pitch) {
    view.yaw += yaw;
    view.pitch = Math.max(-1.5, Math.min(1.5, view.pitch + pitch));
    redraw();
  }

  function zoom(factor) {
    view.zoom = Math.max(0.4, Math.min(12, view.zoom * factor));
    redraw();
  }

  function step(by) {
    for (let tried = 0, i = picked; tried < n; tried++) {
      i = i < 0 ? (by > 0 ? 0 : n - 1) : (i + by + n) % n;
      if (highlighted === null || data.ranks[i] === highlighted) { pick(i); return; }
    }
  }

  const actions = {
    left: () => turn(-0.15, 0), right: () => turn(0.15, 0),
    up: () => turn(0, 0.15), down: () => turn(0, -0.15),
    in: () => zoom(1.25), out: () => zoom(0.8),
    reset: () => { Object.assign(view, START); pick(-1); redraw(); },
    next: () => step(1), previous: () => step(-1), none: () => pick(-1),
  };
  const keys = {
    ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down", "+": "in", "=": "in",
    "-": "out", 0: "reset", Home: "reset", n: "next", p: "previous", Escape: "none",
  };
  canvas.addEventListener("keydown", (event) => {
    const name = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!name || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    still();
    actions[name]();
  });
  for (const button of root.querySelectorAll("[data-do]")) {
    button.addEventListener("click", () => { still(); actions[button.dataset.do](); });
  }
  for (const button of root.querySelectorAll("[data-rank]")) {
    button.addEventListener("click", () => {
      const rank = Number(button.dataset.rank);
      highlighted = highlighted === rank ? null : rank;
      for (const other of root.querySelectorAll("[data-rank]")) {
        other.setAttribute("aria-pressed", String(Number(other.dataset.rank) === highlighted));
      }
      pick(-1);
      redraw();
    });
  }

  // One pointer turns, two zoom. A pointer that did not move has tapped a point.
  const pointers = new Map();
  let moved = 0, spread = 0;
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  canvas.addEventListener("pointerdown", (event) => {
    still();
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, place(event));
    moved = spread = 0;
    canvas.classList.add("turning");
  });
  canvas.addEventListener("pointermove", (event) => {
    const now = place(event), before = pointers.get(event.pointerId);
    if (!before) {
      if (event.pointerType === "mouse") pick(nearest(...now, 12));
      return;
    }
    pointers.set(event.pointerId, now);
    if (pointers.size > 1) {
      const [a, b] = [...pointers.values()];
      const apart = Math.hypot(a[0] - b[0], a[1] - b[1]);
      if (spread) zoom(apart / spread);
      spread = apart;
      moved = 99;
      return;
    }
    moved += Math.hypot(now[0] - before[0], now[1] - before[1]);
    if (moved > 4) turn((now[0] - before[0]) * 0.008, (now[1] - before[1]) * 0.008);
  });
  for (const name of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(name, (event) => {
      if (name === "pointerup" && pointers.has(event.pointerId) && moved <= 4) {
        pick(nearest(...place(event), event.pointerType === "mouse" ? 12 : 24));
      }
      pointers.delete(event.pointerId);
      spread = 0;
      if (!pointers.size) canvas.classList.remove("turning");
    });
  }
  canvas.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse" && !pointers.size) pick(-1); });
  // The wheel zooms once the map was chosen; before that it scrolls the page as everywhere.
  canvas.addEventListener("wheel", (event) => {
    if (document.activeElement !== canvas && !event.ctrlKey) return;
    event.preventDefault();
    still();
    zoom(Math.exp(-Math.max(-60, Math.min(60, event.deltaY)) * 0.004));
  }, { passive: false });

  // One slow turn shows that it has depth; it ends with the first touch, out of sight, and at once
  // for those who asked for less motion.
  let turning = !matchMedia("(prefers-reduced-motion: reduce)").matches, seen = false, turned = 0, last = 0;
  function still() { turning = false; }
  function spin(now) {
    if (!turning || !seen) { last = 0; return; }
    const by = last ? Math.min(now - last, 50) * 0.00025 : 0;
    last = now;
    turned += by;
    if (turned > 2 * Math.PI) turning = false;
    turn(by, 0);
    requestAnimationFrame(spin);
  }
  new IntersectionObserver(([entry]) => {
    const was = seen;
    seen = entry.isIntersecting;
    if (seen && !was) requestAnimationFrame(spin);
  }).observe(canvas);

  new ResizeObserver(resize).observe(canvas);
  for (const query of ["(prefers-color-scheme: dark)", "print"]) {
    matchMedia(query).addEventListener("change", () => { readStyle(); redraw(); });
  }
  readStyle();
  resize();
}

const root = document.getElementById("scatter");
if (root) {
  root.hidden = false;
  const data = JSON.parse(document.getElementById("scatter-data").textContent);
  scatter(root, data, document.getElementById("scatter-atlas"));
}
