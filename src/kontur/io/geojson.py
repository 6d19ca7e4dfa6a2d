"""GeoJSON: one MultiPolygon a segment, holes and parts kept, in world coordinates where the image has them.

Format: RFC 7946. Coordinates are pixels (x right, y down, the image's corner is 0, 0) or, of a georeferenced image,
those of its own coordinate reference system, named in a `crs` member as GDAL and QGIS read it.
Differs from RFC 7946: it knows WGS 84 alone; rasters are seldom in it, and reprojecting would need PROJ.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.image import Georeference, Image
from .documents import write_json
from .regions import Result, mean_loss, regions


def write_geojson(path: str | Path, result: Result, image: Image | None = None) -> float:
    """Write the segments but the background; the mean IoU loss against their masks, in [0, 1].

    Each feature's properties: id, category, name, score, area (pixels), iou_loss. Raises OutputError.
    """
    place = image.georeference if image is not None else None
    features, losses = [], []
    for region in regions(result):
        polygons = region.polygons()
        loss = region.loss([ring for polygon in polygons for ring in polygon.rings])
        losses.append(loss)
        features.append(
            {
                "type": "Feature",
                "id": region.id,
                "properties": {
                    "id": region.id,
                    "category": region.category,
                    "name": region.name,
                    "score": region.score,
                    "area": region.area,
                    "iou_loss": loss,
                },
                "geometry": {
                    "type": "MultiPolygon",
                    "coordinates": [[_closed(ring, place) for ring in polygon.rings] for polygon in polygons],
                },
            }
        )
    collection: dict[str, Any] = {"type": "FeatureCollection"}
    if place is not None and place.crs:
        name = place.crs.upper().replace("EPSG:", "urn:ogc:def:crs:EPSG::")
        collection["crs"] = {"type": "name", "properties": {"name": name}}
    loss = mean_loss(losses)
    write_json(path, collection | {"iou_loss": loss, "features": features})
    return loss


def _closed(ring: NDArray[np.float64], place: Georeference | None) -> list[list[float]]:
    """The first point again at the end; outer rings counter-clockwise in (x, y) as the RFC asks, holes clockwise."""
    if place is not None:
        a, b, c, d, e, f = place.affine
        x, y = ring.T
        ring = np.stack([a * x + b * y + c, d * x + e * y + f], axis=1)
        if a * e - b * d < 0:  # the map turns y upwards, and with it the way the rings run
            ring = ring[::-1]
    points = np.concatenate([ring, ring[:1]])
    whole = np.array_equal(points, np.round(points))
    return points.astype(int).tolist() if whole else points.tolist()
