"""One Bicep file: its names, what can be told of its expressions, its resources and modules."""
import os

import yaml

from bicep_tree import child, entries, literal, loop_names, parse, text
from bicep_types import Types, fit

RETURNS = {name: kind for kind, names in {
    "string": "base64 format guid join loadTextContent readEnvironmentVariable replace resourceId string subscriptionResourceId "
              "toLower toUpper trim uniqueString uri newGuid utcNow padLeft substring",
    "int": "length int indexOf min max",
    "bool": "contains empty bool startsWith endsWith",
    "array": "split range flatten objectKeys",
    "object": "environment resourceGroup subscription tenant deployment toObject",
    "": "concat json loadJsonContent loadYamlContent union take first last any skip cidrSubnet items map filter",
}.items() for name in names.split()}
DECORATORS = set("allowed batchSize description maxLength maxValue metadata minLength minValue secure".split())


class Shape:
    """What can be told of a value: its kind, and what is in it (fields, items, or Microsoft's type of it)."""

    def __init__(self, kind="", fields=None, items=None, typed=None, module=None, value=None):
        self.kind, self.fields, self.items, self.typed, self.module, self.value = kind, fields, items, typed, module, value


def shape_of_data(data):
    if isinstance(data, dict):
        return Shape("object", {k: shape_of_data(v) for k, v in data.items()})
    if isinstance(data, list):
        return Shape("array", items=[shape_of_data(v) for v in data])
    return Shape({bool: "bool", int: "int", str: "string"}.get(type(data), ""), value=data)


class File:
    """One Bicep file: its declarations, and what is wrong with it."""

    def __init__(self, path, checker):
        self.path, self.checker, self.findings = path, checker, set()
        self.nodes, self.kinds, self.required, self.outputs, self.used, self.modules = {}, {}, set(), {}, set(), {}
        self.allowed, self.shapes = {}, {}
        self.root = parse(path)
        self.readable = not self.root.has_error
        if not self.readable:
            self.syntax(self.root)

    def say(self, node, message, kind="types"):
        self.findings.add((node.start_point[0] + 1, node.start_point[1] + 1, kind, message))

    def syntax(self, node):
        if node.type == "ERROR" or node.is_missing:
            self.say(node, "cannot be read", "syntax")
        for c in node.children:
            if c.has_error or c.is_missing:
                self.syntax(c)

    def check(self):
        if not self.readable:
            return
        declarations = [d for d in self.root.named_children if d.type.endswith("_declaration")]
        marks = []
        for node in self.root.named_children:
            if node.type == "decorators":
                marks = [c.named_children[0] for c in node.named_children]
            elif node in declarations:
                self.declare(node, marks)
                marks = []
        for node in declarations:
            self.visit(node)
        for name, node in self.nodes.items():
            if name not in self.used and self.kinds[name] in ("parameter", "variable") and self.path.endswith(".bicep"):
                self.say(node, f"{name} is used nowhere")

    def declare(self, node, marks):
        kind, ident = node.type.removesuffix("_declaration"), child(node, "identifier")
        if kind == "metadata" or ident is None:
            return
        name = text(ident)
        for mark in marks:
            called = text(mark.named_children[0])
            if called not in DECORATORS:
                self.say(mark, f"unknown decorator {called}")
            if called == "allowed":
                self.allowed[name] = [literal(v) for v in child(mark, "arguments").named_children[0].named_children]
        if kind == "output":
            self.outputs[name] = Shape(text(child(node, "type")))
            return
        if name in self.nodes:
            self.say(ident, f"{name} is declared twice")
        self.nodes[name], self.kinds[name] = node, kind
        if kind == "parameter":
            declared = child(node, "type")
            self.shapes[name] = Shape(text(declared))
            if node.named_children[-1] == declared:
                self.required.add(name)
        elif kind == "module":
            path = os.path.normpath(os.path.join(os.path.dirname(self.path), literal(child(node, "string")) or ""))
            if os.path.isfile(path):
                self.modules[name] = self.checker.load(path)
            else:
                self.say(node, f"there is no module {path}")

    # What a name or an expression is.

    def symbol(self, name):
        if name not in self.shapes:
            self.shapes[name] = Shape()  # against circles
            node, kind = self.nodes[name], self.kinds[name]
            if kind == "variable":
                self.shapes[name] = self.shape(node.named_children[-1], {})
            elif kind == "resource":
                one = Shape("object", typed=self.checker.types.resources.get((literal(child(node, "string")) or "").lower()))
                self.shapes[name] = Shape("array", items=[one]) if child(node, "for_statement") else one
            elif kind == "module":
                one = Shape("object", module=self.modules.get(name))
                self.shapes[name] = Shape("array", items=[one]) if child(node, "for_statement") else one
        return self.shapes[name]

    def shape(self, node, scope):
        kind = node.type
        if kind == "string":
            return Shape("string", value=literal(node))
        if kind in ("number", "boolean"):
            return Shape({"number": "int", "boolean": "bool"}[kind], value=text(node))
        if kind == "object":
            return Shape("object", {k: self.shape(v, scope) for k, (_, v) in entries(node).items()})
        if kind == "array":
            return Shape("array", items=[self.shape(c, scope) for c in node.named_children])
        if kind == "for_statement":
            return Shape("array", items=[self.shape(loop_names(node)[2], self.loop_scope(node, scope))])
        if kind == "identifier":
            name = text(node)
            return scope.get(name) or (self.symbol(name) if name in self.nodes else Shape())
        if kind == "ternary_expression":
            first, second = (self.shape(c, scope) for c in node.named_children[1:3])
            return first if first.kind == second.kind and first.kind in ("string", "int", "bool") else \
                Shape(first.kind if first.kind == second.kind else "")
        if kind in ("binary_expression", "unary_expression"):
            sign = next((text(c) for c in node.children if not c.is_named), "")
            return Shape("int" if sign in "+-*/%" else "bool" if sign != "??" else "")
        if kind == "parenthesized_expression":
            return self.shape(node.named_children[0], scope)
        if kind == "subscript_expression":
            return self.inside(self.shape(node.named_children[0], scope), literal(node.named_children[1]))
        if kind == "member_expression":
            return self.member(node, scope)
        return self.result(node, scope) if kind == "call_expression" else Shape()

    def inside(self, whole, key=None):
        """An element of an array, or what all entries of a table have: an index is known only when it runs."""
        if key is not None and whole.fields is not None:
            return whole.fields.get(key, Shape())
        parts = whole.items if whole.items is not None else list((whole.fields or {}).values())
        if not parts or any(p.fields is None for p in parts):
            return parts[0] if parts else Shape()
        common = set.intersection(*(set(p.fields) for p in parts))
        return Shape("object", {k: parts[0].fields[k] for k in common}, typed=parts[0].typed, module=parts[0].module)

    def loop_scope(self, loop, scope):
        names, over, _ = loop_names(loop)
        inner = dict(scope)
        inner[names[0]] = self.inside(self.shape(over, scope))
        if len(names) > 1:
            inner[names[1]] = Shape("int")
        return inner

    def result(self, node, scope):
        callee, arguments = node.named_children[0], child(node, "arguments").named_children
        name = text(callee)
        if name in ("loadJsonContent", "loadYamlContent", "loadTextContent"):
            path = os.path.join(os.path.dirname(self.path), literal(arguments[0]) or "")
            if not os.path.isfile(path):
                self.say(node, f"there is no file {os.path.normpath(path)}")
            elif name != "loadTextContent":
                try:
                    with open(path, encoding="utf-8") as file:
                        return shape_of_data(yaml.safe_load(file))
                except yaml.YAMLError as error:
                    self.say(node, f"{os.path.normpath(path)} cannot be read: {' '.join(str(error).split())}", "syntax")
        if name in ("union", "concat"):
            parts = [self.shape(a, scope) for a in arguments]
            if all(p.fields is not None or p.kind == "object" for p in parts):
                return Shape("object", {k: v for p in parts for k, v in (p.fields or {}).items()})
            if name == "concat" and all(p.items is not None for p in parts):
                return Shape("array", items=[i for p in parts for i in p.items])
            return Shape(parts[0].kind)
        if name == "resourceGroup":
            return Shape("object", {k: Shape("string") for k in ("id", "name", "location")})
        return Shape(RETURNS.get(name, ""))

    def member(self, node, scope):
        base, key = self.shape(node.named_children[0], scope), text(node.named_children[-1])
        if base.module is not None:
            outputs = base.module.outputs if base.module.readable else None
            return Shape("object", outputs) if key == "outputs" else Shape("string")
        if base.typed is not None:
            return self.typed_member(node, base.typed, key)
        if base.fields is not None:
            if key not in base.fields:
                self.say(node.named_children[-1], f"there is no {key}; there are {', '.join(sorted(base.fields)) or 'none'}")
            return base.fields.get(key, Shape())
        return Shape()

    def typed_member(self, node, typed, key):
        table, ref = typed
        entry = Types.at(table, ref)
        if entry["$type"] != "ObjectType":
            return Shape()
        known = entry.get("properties") or {}
        if key in known:
            inner = Types.at(table, known[key]["type"])
            kind = {"StringType": "string", "IntegerType": "int", "BooleanType": "bool", "ArrayType": "array"}.get(inner["$type"], "")
            return Shape(kind, typed=(table, known[key]["type"]) if inner["$type"] == "ObjectType" else None)
        if not entry.get("additionalProperties"):
            self.say(node.named_children[-1], f"the type has no property {key}")
        return Shape()

    # Looks at everything that is written.

    def visit(self, node):
        if node.type == "resource_declaration":
            self.resource(node)
        elif node.type == "module_declaration":
            self.module(node)
        elif node.type in ("output_declaration", "parameter_declaration"):
            wanted, value = text(child(node, "type")), node.named_children[-1]
            if value.type != "type":
                self.same(value, wanted, {}, f"{wanted} is declared")
                name = text(child(node, "identifier"))
                if node.type == "parameter_declaration" and name in self.allowed and literal(value) not in self.allowed[name]:
                    self.say(value, f"the default is none of {self.allowed[name]}")
        for c in node.named_children:
            if c.type != "identifier":
                self.names(c, {})

    def same(self, value, wanted, scope, why):
        found = self.shape(value, scope).kind
        if found and wanted in ("string", "int", "bool", "array", "object") and found != wanted:
            self.say(value, f"{found} where {why}")

    def names(self, node, scope):
        """Each name must be known; each member must be there."""
        kind = node.type
        if kind in ("type", "comment", "decorators"):
            return
        if kind == "identifier":
            name = text(node)
            if name in self.nodes:
                self.used.add(name)
            elif name not in scope:
                self.say(node, f"{name} is not declared")
            return
        if kind == "for_statement":
            _, over, body = loop_names(node)
            self.names(over, scope)
            self.names(body, self.loop_scope(node, scope))
            return
        if kind == "member_expression":
            self.shape(node, scope)
            self.names(node.named_children[0], scope)
            return
        rest = node.named_children
        if kind == "call_expression":
            self.result(node, scope)
            if rest[0].type == "identifier" and text(rest[0]) not in RETURNS:
                self.say(rest[0], f"there is no function {text(rest[0])}")
            self.names(rest[0].named_children[0], scope) if rest[0].type == "member_expression" else None
            rest = rest[1:]
        elif kind == "object_property":
            rest = rest[1:] if rest[0].type == "identifier" else rest
        for c in rest:
            self.names(c, scope)

    def body(self, node):
        """The object of a resource or module, with the names of the loop around it."""
        scope, found = {}, child(node, "object", "if_statement", "for_statement")
        while found is not None and found.type != "object":
            scope = self.loop_scope(found, scope) if found.type == "for_statement" else scope
            found = child(found, "object", "if_statement", "for_statement")
        return found, scope

    def module(self, node):
        target, (body, scope) = self.modules.get(text(child(node, "identifier"))), self.body(node)
        if target is None or body is None or not target.readable:
            return
        for key, (at, _) in entries(body).items():
            if key not in ("name", "params", "scope", "dependsOn"):
                self.say(at, f"a module has no {key}")
        given = entries(entries(body)["params"][1]) if "params" in entries(body) else {}
        for key, (at, value) in given.items():
            if target.kinds.get(key) != "parameter":
                self.say(at, f"the module has no parameter {key}")
            else:
                self.same(value, target.shapes[key].kind, scope, f"the module wants {target.shapes[key].kind}")
                if target.allowed.get(key) and literal(value) is not None and literal(value) not in target.allowed[key]:
                    self.say(value, f"the module allows {target.allowed[key]}")
        for key in target.required - set(given):
            self.say(node, f"the module wants {key}")

    def resource(self, node):
        declared = literal(child(node, "string")) or ""
        typed, (body, scope) = self.checker.types.resources.get(declared.lower()), self.body(node)
        if typed is None:
            self.say(node, f"there are no types of {declared}: no such resource, or no such API version")
            return
        parent = entries(body).get("parent") if body else None
        if parent and text(parent[1]) in self.nodes:
            above = (literal(child(self.nodes[text(parent[1])], "string")) or "").split("@")[0]
            if declared.split("@")[0].rpartition("/")[0].lower() != above.lower():
                self.say(parent[1], f"{above} is no parent of {declared}")
        if body is not None and not any(c.type == "existing" or text(c) == "existing" for c in node.children):
            fit(self, body, typed[0], typed[1], scope, top=True)
