"""Which names layers, blocks and parameters may have."""

from __future__ import annotations

import keyword

from archbuilder.errors import ConfigError
from archbuilder.language.expressions import CONSTANTS, FUNCTIONS
from archbuilder.language.params import SURROUNDINGS

RESERVED = {
    "block": "the primitive or composite that this layer is, or a parameter that names one",
    "from": "the earlier layer it reads, or a list of them; `input` is what enters the block; by default the layer "
    "before; `x.1` is one copy or output of `x`, `x.*` all of them",
    "repeat": "how many copies in a row, named 0, 1, 2, ...",
    "when": "a condition, asked for each copy: where it is false the name stands for the layer's first input",
    "style": "overrides of the surrounding style, for this layer and all inside it",
    "after": "the layer behind which this one stands; in a variant or an override a new layer comes last without it",
    "doc": "a sentence for people",
}
"""The keys of a layer that are not parameters of its block, and what each says."""

# The public attributes of torch.nn.Module, which a layer of the same name would hide. Written out because
# this package imports no torch; a test compares it with the installed torch.
_MODULE_ATTRIBUTES = """
    T_destination add_module apply bfloat16 buffers call_super_init children compile cpu cuda double
    dump_patches eval extra_repr float forward get_buffer get_extra_state get_parameter get_submodule half
    ipu load_state_dict modules mtia named_buffers named_children named_modules named_parameters parameters
    register_backward_hook register_buffer register_forward_hook register_forward_pre_hook
    register_full_backward_hook register_full_backward_pre_hook register_load_state_dict_post_hook
    register_load_state_dict_pre_hook register_module register_parameter register_state_dict_post_hook
    register_state_dict_pre_hook requires_grad_ set_extra_state set_submodule share_memory state_dict
    to to_empty train training type xpu zero_grad
"""
# And those of the blocks and of loaded packages that archbuilder itself makes.
_OWN_ATTRIBUTES = "graph labels metadata preprocess"
MODULE_ATTRIBUTES = frozenset(_MODULE_ATTRIBUTES.split() + _OWN_ATTRIBUTES.split())


def check_layer_name(name: object, where: str) -> str:
    """Return a layer's name; raises ConfigError where it is no usable one."""
    text = check_name(name, where, "a layer")
    if text in MODULE_ATTRIBUTES:
        raise ConfigError(where, f"a layer cannot be called '{text}': torch modules have an attribute of that name")
    return text


def check_param_name(name: object, where: str) -> str:
    """Return a parameter's name; raises ConfigError where it is no usable one."""
    text = check_name(name, where, "a parameter")
    if text in RESERVED:
        raise ConfigError(where, f"a parameter cannot be called '{text}': the key means something else in a layer")
    if text in SURROUNDINGS or text in FUNCTIONS or text in CONSTANTS:
        raise ConfigError(where, f"a parameter cannot be called '{text}': expressions give that name a meaning")
    return text


def check_name(name: object, where: str, what: str) -> str:
    """Return a name that is an ASCII identifier without leading underscore, no keyword of Python."""
    if not isinstance(name, str):
        raise not_a_string(name, where)
    if not (name.isidentifier() and name.isascii()) or name.startswith("_") or keyword.iskeyword(name):
        raise ConfigError(
            where,
            f"'{name}' is no name for {what}: use letters, digits and _, not starting with "
            "a digit or _, and no keyword of Python",
        )
    return name


def not_a_string(key: object, where: str) -> ConfigError:
    """Return the error about a YAML key that is no string."""
    read = "; YAML reads on, off, yes and no as true or false" if isinstance(key, bool) else ""
    return ConfigError(where, f"the key {key!r} is not a string{read}; put it in quotes, or choose another")
