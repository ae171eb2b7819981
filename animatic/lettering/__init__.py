"""Sets text of any script in pictures: slates of the simulator, captions and labels of reels. Knows fonts and lines, no shots."""
