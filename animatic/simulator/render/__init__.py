"""Rendering of simulated results: slates as PNG and MP4. Imported late, by the threads that render: it brings PyAV, numpy and Pillow."""
