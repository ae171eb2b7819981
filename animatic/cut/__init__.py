"""The cut as data: which shots stand where on a reel, what is heard and read, and how it is handed over to an editor.

Pure: reads no clips and decodes nothing. `model` is what a plan holds, `timing` lays it out in frames once lengths are known, `captions`
and `otio` write what lies beside the reel, `prints` tells whether a reel is the same as an earlier one.
"""
