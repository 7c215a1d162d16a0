"""The one array type of this package."""

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]  # (height, width, 3), blue green red, as OpenCV has it
