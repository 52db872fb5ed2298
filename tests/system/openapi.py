# SPDX-License-Identifier: Apache-2.0
"""api/openapi.json: its operations, which values its schemas take, and values made from them.

Of JSON Schema this knows what the file uses, and says so where it does not know a keyword."""
import json
import math
import os
import re

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
PATH = os.path.join(SOURCE, "api", "openapi.json")
KEYWORDS = {"$ref", "description", "type", "const", "enum", "format", "pattern", "minLength",
            "maxLength", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "items",
            "prefixItems", "minItems", "maxItems", "properties", "required", "minProperties",
            "additionalProperties", "allOf", "anyOf", "oneOf"}
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}


class Invalid(Exception):
    pass


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_type(value, name):
    if name == "number":
        return is_number(value)
    if name == "integer":
        return is_number(value) and math.isfinite(value) and value == int(value)
    return isinstance(value, TYPES[name])


def same(a, b):
    return a == b and isinstance(a, bool) == isinstance(b, bool)


class Operation:
    def __init__(self, description, method, path, item):
        self.id, self.method, self.path, self.item = item["operationId"], method, path, item
        self.parameters = [description.resolve(p) for p in item.get("parameters", [])]
        self.body = description.resolve(item.get("requestBody", {"content": {}}))
        self.responses = {int(status): description.resolve(r)
                          for status, r in item["responses"].items()}

    def __repr__(self):
        return "%s %s" % (self.method, self.path)


class Description:
    def __init__(self):
        with open(PATH, encoding="utf-8") as f:
            self.document = json.load(f)
        self.operations = [Operation(self, method.upper(), path, item)
                           for path, methods in self.document["paths"].items()
                           for method, item in methods.items()]

    def resolve(self, node):
        """What a reference stands for; with its siblings, which are of the schema too."""
        while "$ref" in node:
            at = self.document
            for name in node["$ref"].removeprefix("#/").split("/"):
                at = at[name]
            node = {**at, **{k: v for k, v in node.items() if k != "$ref"}}
        return node

    def schemas(self):
        """Every schema of the file, those within others too."""
        def within(schema):
            yield schema
            for key in ("allOf", "anyOf", "oneOf", "prefixItems"):
                for part in schema.get(key, []):
                    yield from within(part)
            for key in ("items", "additionalProperties"):
                if isinstance(schema.get(key), dict):
                    yield from within(schema[key])
            for part in schema.get("properties", {}).values():
                yield from within(part)

        def anywhere(node):
            if isinstance(node, list):
                for part in node:
                    yield from anywhere(part)
            elif isinstance(node, dict):
                for key, part in node.items():
                    yield from within(part) if key == "schema" else anywhere(part)
        yield from anywhere(self.document)
        for schema in self.document["components"]["schemas"].values():
            yield from within(schema)

    # -- Is a value one of a schema's?

    def check(self, schema, value, told=False, at=""):
        """Raises Invalid unless the schema takes the value. told: an object may have no member
        that the schema does not name, though it leaves the door open to later ones."""
        named = self._check(schema, value, told, at)
        if told and isinstance(value, dict) and not set(value) <= named:
            raise Invalid("%s: %s: not in the description" % (at, sorted(set(value) - named)))

    def takes(self, schema, value):
        try:
            self.check(schema, value)
        except Invalid:
            return False
        return True

    def _check(self, schema, value, told, at):
        """The names of members that the schema knows."""
        schema = self.resolve(schema)

        def expect(good, what):
            if not good:
                raise Invalid("%s: %s: %s, found %.200r" % (at, what, schema.get(what), value))
        if "type" in schema:
            types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
            expect(any(is_type(value, t) for t in types), "type")
        if "const" in schema:
            expect(same(value, schema["const"]), "const")
        if "enum" in schema:
            expect(any(same(value, v) for v in schema["enum"]), "enum")
        if is_number(value):
            expect(value >= schema.get("minimum", value), "minimum")
            expect(value <= schema.get("maximum", value), "maximum")
            expect(value > schema.get("exclusiveMinimum", -math.inf), "exclusiveMinimum")
            expect(value < schema.get("exclusiveMaximum", math.inf), "exclusiveMaximum")
        if isinstance(value, str):
            expect(re.search(schema.get("pattern", ""), value), "pattern")
            expect(len(value) >= schema.get("minLength", 0), "minLength")
            expect(len(value) <= schema.get("maxLength", len(value)), "maxLength")
            if "format" in schema:
                expect(MOMENT.fullmatch(value), "format")
        if isinstance(value, list):
            expect(len(value) >= schema.get("minItems", 0), "minItems")
            expect(len(value) <= schema.get("maxItems", len(value)), "maxItems")
            first = schema.get("prefixItems", [])
            for i, item in enumerate(value):
                part = first[i] if i < len(first) else schema.get("items", {})
                self.check(part, item, told, "%s/%d" % (at, i))
        named = set()
        if isinstance(value, dict):
            named |= self._check_members(schema, value, told, at, expect)
        for part in schema.get("allOf", []):
            named |= self._check(part, value, told, at)
        for key in ("anyOf", "oneOf"):
            if key in schema:
                named |= self._check_choice(key, schema[key], value, told, at)
        return named

    def _check_members(self, schema, value, told, at, expect):
        properties, more = schema.get("properties", {}), schema.get("additionalProperties")
        expect(len(value) >= schema.get("minProperties", 0), "minProperties")
        expect(set(schema.get("required", [])) <= set(value), "required")
        for name, member in value.items():
            if name in properties:
                self.check(properties[name], member, told, at + "/" + name)
            elif isinstance(more, dict):
                self.check(more, member, told, at + "/" + name)
            else:
                expect(more is not False, "additionalProperties")
        return set(value) if more is not None else set(properties)

    def _check_choice(self, key, parts, value, told, at):
        found, why = [], []
        for part in parts:
            try:
                found.append(self._check(part, value, told, at))
            except Invalid as invalid:
                why.append(str(invalid))
        if not found or (key == "oneOf" and len(found) > 1):
            raise Invalid("%s: %d of %s fit; %s" % (at, len(found), key, "; ".join(why)))
        return set().union(*found)

    # -- Values of a schema

    WORDS = ["small", "default", "/1/MatMul", "scores", "0000000000000000", "AAAAAAAAAAAAAAAAAAAAAA==",
             "", "x", "\u00e9\u4e16", "a\"b\\c\n\0", "n" * 300, "voltage_v,pulse_ns\n1,2\n", "now"]

    def make(self, schema, rng, depth=0):
        """One of a schema's values, as far as the pieces of it say; the ends of ranges often."""
        schema = self.resolve(schema)
        if "allOf" in schema:
            made = {}
            for part in schema["allOf"]:
                made.update(self.make(part, rng, depth))
            return made
        for key in ("oneOf", "anyOf"):
            if key in schema:
                part = self.resolve(rng.choice(schema[key]))
                rest = {k: v for k, v in schema.items() if k != key}
                return self.make({**rest, **part, "properties": {**rest.get("properties", {}),
                                                                 **part.get("properties", {})},
                                  "required": rest.get("required", []) + part.get("required", [])},
                                 rng, depth)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return rng.choice(schema["enum"])
        types = schema.get("type", "string")
        kind = rng.choice(types) if isinstance(types, list) else types
        return getattr(self, "_make_" + kind)(schema, rng, depth)

    def _make_null(self, *_):
        return None

    def _make_boolean(self, schema, rng, depth):
        return rng.random() < 0.5

    def _make_number(self, schema, rng, depth):
        least = schema.get("minimum", schema.get("exclusiveMinimum", 0))
        most = schema.get("maximum", schema.get("exclusiveMaximum", 1e3))
        return rng.choice([least, most, rng.uniform(least, most), least + (most - least) * 1e-6])

    def _make_integer(self, schema, rng, depth):
        least, most = schema.get("minimum", 0), schema.get("maximum", 20)
        return rng.choice([least, most, rng.randint(least, most), min(most, least + rng.randrange(20))])

    def _make_string(self, schema, rng, depth):
        word = rng.choice(self.WORDS)
        return word if self.takes(schema, word) else "0" * max(schema.get("minLength", 0), 1)

    def _make_array(self, schema, rng, depth):
        n = rng.randint(schema.get("minItems", 0), min(schema.get("maxItems", 3), 3)) if depth < 4 else 0
        return [self.make(schema.get("items", {}), rng, depth + 1) for _ in range(n)]

    def _make_object(self, schema, rng, depth):
        made, properties = {}, schema.get("properties", {})
        for name, part in properties.items():
            if name in schema.get("required", []) or rng.random() < 0.3:
                made[name] = self.make(part, rng, depth + 1)
        if isinstance(schema.get("additionalProperties"), dict):
            for _ in range(rng.randrange(3)):
                made[rng.choice(self.WORDS)] = self.make(schema["additionalProperties"], rng, depth + 1)
        return made
