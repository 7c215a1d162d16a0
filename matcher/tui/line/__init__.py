"""Line mode: the review by questions and answers, for screen readers and slow links. Nothing here imports textual."""
