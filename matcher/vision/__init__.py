"""Pictures in, templates or reasons out. Each stage takes a value and returns a value or a `Rejected`.

OpenCV reads its limits once, when it is imported. Setting them here, in the package every stage belongs to, is the one
place that always comes first; nothing outside this package decodes pictures.
"""

import os

from matcher.vision.limits import MAX_JPEG_PIXELS, MAX_SIDE

os.environ["OPENCV_IO_MAX_IMAGE_PIXELS"] = str(MAX_JPEG_PIXELS)
os.environ["OPENCV_IO_MAX_IMAGE_WIDTH"] = str(MAX_SIDE)
os.environ["OPENCV_IO_MAX_IMAGE_HEIGHT"] = str(MAX_SIDE)
# OpenCV writes its complaints to stderr, which is where the terminal interface draws.
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
