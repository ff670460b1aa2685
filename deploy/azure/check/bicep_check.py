#!/usr/bin/env python3
"""Checks Bicep without Azure and without Microsoft's compiler, which cannot be had from package registries.

    bicep_check.py --types DIR [--types DIR]... FILE...

FILE is a .bicep, a .bicepparam, or a .parameters.json of azd. Modules and data files that it names are checked with it.
DIR holds type files of github.com/Azure/bicep-types-az (types.json of a provider and API version, under any name).

syntax  tree-sitter's grammar of Bicep finds no error.
types   names are declared once, used, and known; resource types and API versions exist; properties exist, are not read-only,
        are there where they must be, and have values of their type; parameters, outputs and paths of modules fit; keys of
        JSON and YAML files and of literal objects exist; parameter files give what the template asks for.

Stricter than the compiler: a literal that is none of the values that the types list is an error even where the service may
know more of them. Weaker: what only Azure knows (limits, names that are taken, which SKU is where) is not seen, and of
expressions only what can be told without running them. Exit code: 0 good, 1 findings, 2 wrong usage, 3 a
fault of this program, so that one never passes for a finding.
"""
import json
import os
import re
import sys
import traceback

from bicep_file import File
from bicep_tree import literal
from bicep_types import Types


class Checker:
    def __init__(self, folders):
        self.types, self.files = Types(folders), {}

    def load(self, path):
        if path not in self.files:
            self.files[path] = File(path, self)
            self.files[path].check()
        return self.files[path]

    def parameters(self, path):
        """A .bicepparam: what it gives must be asked for, and the other way round."""
        file = self.load(path)
        with open(path, encoding="utf-8") as source:
            using = re.search(r"^using\s+'([^']+)'", source.read(), re.M)
        if not using or not os.path.isfile(os.path.join(os.path.dirname(path), using.group(1))):
            file.say(file.root, "it says `using` of no file")
            return
        given = {name: node.named_children[-1] for name, node in file.nodes.items()}
        self.compare(file, given, self.load(os.path.normpath(os.path.join(os.path.dirname(path), using.group(1)))))

    @staticmethod
    def compare(file, given, template):
        for name, value in given.items():
            if template.kinds.get(name) != "parameter":
                file.say(value, f"the template has no parameter {name}")
                continue
            file.same(value, template.shapes[name].kind, {}, f"{name} is {template.shapes[name].kind}")
            if template.allowed.get(name) and literal(value) is not None and literal(value) not in template.allowed[name]:
                file.say(value, f"{name} may be {template.allowed[name]}")
        for name in template.required - set(given):
            file.say(file.root, f"{name} is missing")

    def azd_parameters(self, path):
        """The .parameters.json beside a module of azd. Only strings: azd puts variables in."""
        with open(path, encoding="utf-8") as source:
            given = json.load(source)["parameters"]
        template, wrong = self.load(path.removesuffix(".parameters.json") + ".bicep"), []
        wrong += [f"the template has no parameter {n}" for n in given if template.kinds.get(n) != "parameter"]
        wrong += [f"{n} is missing" for n in template.required - set(given)]
        wrong += [f"{n} is no string" for n in given if n in template.shapes and template.shapes[n].kind != "string"]
        return [f"{path}:1:1: [types] {message}" for message in wrong]


def main(arguments):
    folders, files = [], []
    while arguments:
        first = arguments.pop(0)
        if first == "--types" and arguments:
            folders.append(arguments.pop(0))
        else:
            files.append(first)
    if not folders or not files or not all(os.path.isfile(f) for f in files) or not all(os.path.isdir(f) for f in folders):
        print(__doc__.split("\n\n")[1].strip(), file=sys.stderr)
        return 2
    checker, lines = Checker(folders), []
    for path in map(os.path.normpath, files):
        if path.endswith(".bicepparam"):
            checker.parameters(path)
        elif path.endswith(".parameters.json"):
            lines += checker.azd_parameters(path)
        else:
            checker.load(path)
    for file in checker.files.values():
        lines += [f"{file.path}:{row}:{column}: [{kind}] {message}" for row, column, kind, message in sorted(file.findings)]
    print("\n".join(lines) or f"{len(checker.files)} files are good", file=sys.stderr if lines else sys.stdout)
    return 1 if lines else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Exception:
        traceback.print_exc()
        sys.exit(3)
