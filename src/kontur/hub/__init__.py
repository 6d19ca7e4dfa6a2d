"""Today's large models through their own library: `-m hf:NAME_OR_FOLDER`, with the extra `hf`.

    reference   hf:NAME_OR_FOLDER -> the model's folder and what its config.json says; nothing heavy is imported
    families    which networks can be used, what each gives, its paper
    categories  the taxonomy of a model: its own names, things and stuff where they are known
    loading     weights and image processor, safely: safetensors or weights-only, never code from a repository
    masks       class and mask logits of a query network -> semantic, instances, panoptic
    predict     an image -> what the network gives -> a result
    promptable  SAM and SAM 2: boxes and points, or everything in the image
    method      a model as a method of the registry

Only names of a hub need a network, and only the first time: a folder works offline.
"""
