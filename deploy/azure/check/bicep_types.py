"""Microsoft's types of Azure's resources, and whether what is written is of its type."""
import glob
import json
import os
import re

from bicep_tree import child, entries, literal, loop_names

TOP = {"scope", "parent", "dependsOn"}
READ_ONLY, REQUIRED = 2, 1


class Types:
    def __init__(self, folders):
        self.resources = {}
        for folder in folders:
            for path in glob.glob(os.path.join(folder, "*.json")):
                with open(path, encoding="utf-8") as file:
                    table = json.load(file)
                for entry in table:
                    if entry["$type"] == "ResourceType":
                        self.resources[entry["name"].lower()] = (table, entry["body"])

    @staticmethod
    def at(table, ref):
        return table[int(ref["$ref"].rsplit("/", 1)[-1])]


def fit(file, value, table, ref, scope, top=False):
    """Whether a value is of Microsoft's type."""
    entry, node = Types.at(table, ref), value.type
    kind = entry["$type"]
    if node == "ternary_expression":
        for branch in value.named_children[1:3]:
            fit(file, branch, table, ref, scope)
    elif kind in ("UnionType", "StringLiteralType"):
        options = [Types.at(table, e) for e in entry["elements"]] if kind == "UnionType" else [entry]
        known, written = [o["value"] for o in options if o["$type"] == "StringLiteralType"], literal(value)
        if known and written is not None and written not in known:
            file.say(value, f"{written!r} is none of {known}")
        elif known:
            file.same(value, "string", scope, "one of " + ", ".join(known) + " must be")
    elif kind in ("ObjectType", "DiscriminatedObjectType"):
        if node == "object":
            fit_object(file, value, table, entry, scope, top)
        else:
            file.same(value, "object", scope, "an object must be")
    elif kind == "ArrayType":
        if node == "array":
            for item in value.named_children:
                fit(file, item, table, entry["itemType"], scope)
        elif node == "for_statement":
            fit(file, loop_names(value)[2], table, entry["itemType"], file.loop_scope(value, scope))
        else:
            file.same(value, "array", scope, "an array must be")
    elif kind in ("StringType", "IntegerType", "BooleanType"):
        file.same(value, {"StringType": "string", "IntegerType": "int", "BooleanType": "bool"}[kind], scope, f"{kind[:-4].lower()} must be")
        written = literal(value)
        if kind == "StringType" and written is not None and (
                len(written) < entry.get("minLength", 0) or len(written) > entry.get("maxLength", len(written))
                or not re.search(entry.get("pattern", ""), written)):
            file.say(value, f"{written!r} is too short, too long, or has other signs than it may")


def fit_object(file, value, table, entry, scope, top):
    given, known = entries(value), dict(entry.get("properties") or {})
    if entry["$type"] == "DiscriminatedObjectType":
        chosen = literal(given.get(entry["discriminator"], (None, None))[1])
        if chosen not in entry["elements"]:
            file.say(value, f"{entry['discriminator']} must be one of {list(entry['elements'])}")
            return
        known = {**entry.get("baseProperties", {}), **(Types.at(table, entry["elements"][chosen]).get("properties") or {})}
    for key, (at, inner) in given.items():
        if key in known and known[key].get("flags", 0) & READ_ONLY:
            file.say(at, f"{key} can only be read")
        elif key in known:
            fit(file, inner, table, known[key]["type"], scope)
        elif entry.get("additionalProperties"):
            fit(file, inner, table, entry["additionalProperties"], scope)
        elif not (top and key in TOP):
            near = [k for k in known if k.lower() == key.lower()]
            file.say(at, f"the type has no property {key}" + (f" (but {near[0]})" if near else ""))
    for key, rules in known.items():
        flags = rules.get("flags", 0)
        if flags & REQUIRED and not flags & READ_ONLY and key not in given:
            file.say(value, f"{key} is missing")
