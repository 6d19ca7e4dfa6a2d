import pytest

pytest.importorskip("onnx", reason="ONNX files are made with onnx, of the extra train")
