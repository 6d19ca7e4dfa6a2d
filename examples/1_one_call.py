"""Level 1: one call. Cut a photo into regions, look at the result, keep it.

python examples/1_one_call.py [PHOTO]        (by default a sample photo of scikit-image)
"""

import sys
from pathlib import Path

import skimage

import kontur

photo = sys.argv[1] if len(sys.argv) > 1 else Path(skimage.__file__).parent / "data" / "coffee.png"
out = Path("demo-out")

# Any method goes through this one call and gives this one kind of result. `kontur methods` lists them.
result = kontur.segment(photo, "kmeans", clusters=5, position=0.5)

print(result)
for segment in sorted(result.segments, key=lambda s: -s.area):
    print(f"  segment {segment.id}: {segment.area} pixels in the box {segment.box}")

mask = result.mask(1)  # (H, W) bool; np.asarray(result) gives all ids
print(f"segment 1, the darkest, covers {mask.mean():.1%} of the photo")

result.save(out / "coffee.npz")  # kontur.Segmentation.load reads it again, provenance and all
again = kontur.Segmentation.load(out / "coffee.npz")
assert (again.ids == result.ids).all()
print(f"kept in {out / 'coffee.npz'}, made by {again.provenance.method} {dict(again.provenance.options)}")
