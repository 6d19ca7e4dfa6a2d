from .figures import contact_sheet
from .levels import fine_to_coarse, strength_picture
from .objects import draw_objects, draw_result
from .overlay import mean_colour, overlay, photo
from .palette import distinct_colours, segment_colours

__all__ = [
    "contact_sheet",
    "distinct_colours",
    "draw_objects",
    "draw_result",
    "fine_to_coarse",
    "mean_colour",
    "overlay",
    "photo",
    "segment_colours",
    "strength_picture",
]
