#!/usr/bin/env python3
"""Writes config-fields.json: the fields that config classes of transformers have.

    make_config_fields.py > config-fields.json

A config.json of a family may hold each of them. ConfigFieldsTest.cpp says of each
what happens to it, and fails for one that it does not know.
"""

import dataclasses
import json

import transformers

FAMILIES = {"bert": "Bert", "distilbert": "DistilBert", "gemma2": "Gemma2", "gpt2": "GPT2",
            "llama": "Llama", "mistral": "Mistral", "phi3": "Phi3", "qwen2": "Qwen2",
            "qwen3": "Qwen3", "roberta": "Roberta"}


def fields(config_class):
    names = {field.name for field in dataclasses.fields(config_class)}
    return sorted(names | set(config_class().to_dict()) | set(config_class.attribute_map))


# What a config.json of an older version may hold too: parameters of generation.
generation = sorted(k for k in vars(transformers.GenerationConfig()) if not k.startswith("_"))
print(json.dumps({
    "transformers": transformers.__version__,
    "generation": generation,
    "families": {family: fields(getattr(transformers, prefix + "Config"))
                 for family, prefix in FAMILIES.items()},
}, indent=1))
