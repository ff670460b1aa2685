"""Reading Bicep's syntax: tree-sitter's tree, and what the other files ask of it."""
import re

import tree_sitter
import tree_sitter_bicep

PARSER = tree_sitter.Parser(tree_sitter.Language(tree_sitter_bicep.language()))


def parse(path):
    """The root of a file's tree."""
    with open(path, encoding="utf-8") as file:
        source = file.read()
    # The grammar does not know `!` behind a name, and no parameter files, whose parameters look like variables.
    source = source.replace("!.", ".")
    if path.endswith(".bicepparam"):
        source = re.sub(r"^using\b", "//using", re.sub(r"^param\b", "var", source, flags=re.M), flags=re.M)
    return PARSER.parse(source.encode()).root_node


def text(node):
    return node.text.decode()


def literal(node):
    """The value of a string without `${}`, or None."""
    if node is None or node.type != "string" or any(c.type == "interpolation" for c in node.named_children):
        return None
    return "".join(text(c) for c in node.named_children)


def child(node, *kinds):
    return next((c for c in node.named_children if c.type in kinds), None)


def entries(obj):
    """Properties of an object: name -> (node of the name, node of the value)."""
    found = {}
    for prop in obj.named_children:
        if prop.type == "object_property" and prop.named_child_count > 1:
            key, value = prop.named_children[0], prop.named_children[1]
            found[literal(key) if key.type == "string" else text(key)] = (key, value)
    return {k: v for k, v in found.items() if k is not None}


def loop_names(loop):
    first = loop.named_children[0]
    names = [text(c) for c in first.named_children] if first.type == "for_loop_parameters" else [text(first)]
    return names, loop.named_children[1], loop.named_children[-1]
