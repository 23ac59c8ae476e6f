"""Speed and quality beside the peers, on real data: `python -m benchmarks`.

- `harness`: runs cases, each beside its peers, in turns, and compares them round by round.
- `setting`: what a figure depends on: versions, device, cores, commit.
- `table`: results as text of at most 80 columns.
- `kmeans`: k-means beside scikit-learn, scikit-learn-intelex and faiss.
"""
