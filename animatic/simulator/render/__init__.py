"""Renders simulated results: slates as PNG and MP4. `clip` is imported late, by the threads that render: it brings PyAV and Pillow."""
