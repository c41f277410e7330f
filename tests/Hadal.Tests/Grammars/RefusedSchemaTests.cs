using Hadal.Grammars;

namespace Hadal.Tests.Grammars;

/// <summary>Schemas that can't be kept to, or that nothing satisfies.</summary>
public sealed class RefusedSchemaTests
{
    [Theory]
    [InlineData("not", "{}")]
    [InlineData("if", "{}")]
    [InlineData("then", "{}")]
    [InlineData("else", "{}")]
    [InlineData("patternProperties", "{}")]
    [InlineData("propertyNames", "{}")]
    [InlineData("minProperties", "1")]
    [InlineData("maxProperties", "1")]
    [InlineData("dependencies", "{}")]
    [InlineData("dependentRequired", "{}")]
    [InlineData("dependentSchemas", "{}")]
    [InlineData("contains", "{}")]
    [InlineData("minContains", "1")]
    [InlineData("maxContains", "1")]
    [InlineData("uniqueItems", "true")]
    [InlineData("multipleOf", "2")]
    [InlineData("unevaluatedProperties", "false")]
    [InlineData("unevaluatedItems", "false")]
    [InlineData("$dynamicRef", "\"#a\"")]
    [InlineData("$recursiveRef", "\"#\"")]
    [InlineData("nullable", "true")]
    [InlineData("extends", "{}")]
    [InlineData("disallow", "\"string\"")]
    [InlineData("divisibleBy", "2")]
    public void Other_keywords_that_assert_are_refused_by_name(string keyword, string value)
    {
        MustBeRefused(
            $$"""{"{{keyword}}":{{value}} }""",
            $"schema#/{keyword}: the keyword is not supported"
        );
        MustBeRefused(
            $$"""{"type":"object","properties":{"a/b":{"type":"array","items":{"{{keyword}}":{{value}} } } } }""",
            $"schema#/properties/a~1b/items/{keyword}: the keyword is not supported"
        );
        MustBeRefused(
            $$"""{"anyOf":[{"type":"null"},{"{{keyword}}":{{value}} }]}""",
            $"schema#/anyOf/1/{keyword}: the keyword is not supported"
        );
        // Nothing refers to it.
        Accepts($$"""{"$defs":{"a":{"{{keyword}}":{{value}} } },"type":"null"}""", "null");
        // A property of the name.
        Accepts($$"""{"type":"object","properties":{"{{keyword}}":{"type":"null"} } }""", "{}");
    }

    [Theory]
    [InlineData("""{"$ref":"#/$defs/a"}""", "schema#/$defs/a: is not in the schema")]
    [InlineData(
        """{"items":{"$ref":"#/$defs/a"},"$defs":{"b":true}}""",
        "schema#/$defs/a: is not in the schema"
    )]
    [InlineData("""{"$ref":"#/anyOf/1","anyOf":[true]}""", "schema#/anyOf/1: is not in the schema")]
    [InlineData("""{"$ref":"#/title","title":"a"}""", "schema#/title: is a JSON String")]
    [InlineData("""{"$ref":"https://example.com/a"}""", "schema#/$ref: is 'https://example.com/a'")]
    [InlineData("""{"$ref":"other.json#/a"}""", "schema#/$ref: is 'other.json#/a'")]
    [InlineData("""{"$ref":"#anchor"}""", "schema#/$ref: is '#anchor'")]
    [InlineData("""{"$ref":5}""", "schema#/$ref: must be a string")]
    public void References_to_what_is_not_there(string schema, string message) =>
        MustBeRefused(schema, message);

    [Theory]
    [InlineData("""5""", "schema#: is a JSON Number")]
    [InlineData("""{"type":"text"}""", "schema#/type: \"text\" is none of")]
    [InlineData("""{"type":[1]}""", "schema#/type: 1 is none of")]
    [InlineData("""{"type":"\ud800"}""", "schema#/type: is not valid Unicode text")]
    [InlineData(
        """{"$ref":"#/$defs/x","$defs":{"x":{},"\ud800":{}}}""",
        "schema#/$defs/x: a name beside it"
    )]
    [InlineData(
        """{"additionalProperties":[]}""",
        "schema#/additionalProperties: must be a schema"
    )]
    [InlineData(
        """{"$defs":{"t":{}},"properties":{"a":{"$id":"x","$defs":{"t":{}},"$ref":"#/$defs/t"}}}""",
        "schema#/properties/a/$id: a $ref within"
    )]
    [InlineData("""{"enum":"a"}""", "schema#/enum: must be a list")]
    [InlineData("""{"properties":[]}""", "schema#/properties: must be an object")]
    [InlineData("""{"properties":{"a":1}}""", "schema#/properties/a: is a JSON Number")]
    [InlineData("""{"required":"a"}""", "schema#/required: must be a list of names")]
    [InlineData("""{"required":[1]}""", "schema#/required: must be a list of names")]
    [InlineData("""{"minLength":-1}""", "schema#/minLength: must be an integer")]
    [InlineData("""{"maxItems":1.5}""", "schema#/maxItems: must be an integer")]
    [InlineData("""{"minimum":"1"}""", "schema#/minimum: must be a number")]
    [InlineData("""{"minimum":1e999}""", "schema#/minimum: the number '1e999'")]
    [InlineData("""{"anyOf":[]}""", "schema#/anyOf: must have a schema")]
    [InlineData("""{"anyOf":{}}""", "schema#/anyOf: must be a list of schemas")]
    [InlineData("""{"allOf":true}""", "schema#/allOf: must be a list of schemas")]
    [InlineData("""{"prefixItems":{}}""", "schema#/prefixItems: must be a list of schemas")]
    [InlineData("""{"pattern":1}""", "schema#/pattern: must be a string")]
    [InlineData("""{"pattern":"("}""", "schema#/pattern: ")]
    [InlineData("""{"pattern":"(?=a)b"}""", "schema#/pattern: ")]
    [InlineData("""{"pattern":"(a)\\1"}""", "schema#/pattern: ")]
    [InlineData("""{"format":1}""", "schema#/format: must be a string")]
    [InlineData("""{"enum":[1e999]}""", "schema#")]
    [InlineData("""{"const":"\ud800"}""", "schema#")]
    [InlineData("""{"const":{"\ud800":1}}""", "schema#")]
    [InlineData("""{"enum":["a",["\ud800"]]}""", "schema#")]
    [InlineData("""{"\ud800":1}""", "schema#")]
    [InlineData("""{"properties":{"\ud800":true}}""", "schema#/properties: a name is not valid")]
    [InlineData("""{"pattern":"\ud800"}""", "schema#/pattern: is not valid Unicode text")]
    public void Schemas_that_are_broken(string schema, string message) =>
        MustBeRefused(schema, message);

    [Theory]
    [InlineData("""false""")]
    [InlineData("""{"type":[]}""")]
    [InlineData("""{"type":"object","properties":{"a":false},"required":["a"]}""")]
    [InlineData("""{"type":"object","required":["a"],"additionalProperties":false}""")]
    [InlineData("""{"type":"integer","minimum":5,"maximum":4}""")]
    [InlineData("""{"type":"integer","minimum":0.1,"maximum":0.9}""")]
    [InlineData("""{"type":"number","exclusiveMinimum":1,"maximum":1}""")]
    [InlineData("""{"type":"string","minLength":2,"maxLength":1}""")]
    [InlineData("""{"type":"string","minLength":1,"maxLength":0,"pattern":"a"}""")]
    [InlineData("""{"type":"string","pattern":"^a$","maxLength":0}""")]
    [InlineData("""{"type":"string","pattern":"^a","format":"date"}""")]
    [InlineData("""{"type":"array","minItems":2,"maxItems":1}""")]
    [InlineData("""{"type":"array","items":false,"minItems":1}""")]
    [InlineData("""{"type":"array","prefixItems":[true,false],"minItems":2}""")]
    [InlineData("""{"enum":[]}""")]
    [InlineData("""{"enum":[1,2],"type":"string"}""")]
    [InlineData("""{"const":1,"enum":[2]}""")]
    [InlineData("""{"const":{"a":1},"properties":{"a":{"type":"string"}}}""")]
    [InlineData("""{"allOf":[{"type":"string"},{"type":"integer"}]}""")]
    [InlineData("""{"allOf":[{"const":1},{"const":2}]}""")]
    [InlineData("""{"allOf":[{"minimum":5},{"maximum":4}],"type":"number"}""")]
    [InlineData(
        """{"allOf":[{"type":"object","required":["a"]},{"additionalProperties":false}]}"""
    )]
    [InlineData("""{"anyOf":[false,{"enum":[]}]}""")]
    [InlineData("""{"$ref":"#"}""")]
    [InlineData(
        """{"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}}}"""
    )]
    [InlineData("""{"allOf":[{"$ref":"#"}]}""")]
    [InlineData("""{"anyOf":[{"$ref":"#"}]}""")]
    [InlineData("""{"type":"object","properties":{"a":{"$ref":"#"}},"required":["a"]}""")]
    [InlineData("""{"type":"array","items":{"$ref":"#"},"minItems":1}""")]
    [InlineData(
        """
            {"$ref":"#/$defs/a","$defs":{"a":{"type":"object","properties":{"b":{"$ref":"#/$defs/b"}},"required":["b"]},
             "b":{"type":"array","prefixItems":[{"$ref":"#/$defs/a"}],"minItems":1}}}
            """
    )]
    public void Schemas_that_nothing_satisfies(string schema) =>
        MustBeRefused(schema, "schema#: nothing satisfies it");

    [Theory]
    [InlineData("""{"anyOf":[{"$ref":"#"},{"type":"null"}]}""", "null")]
    [InlineData("""{"type":"array","items":{"$ref":"#"}}""", "[[],[[]]]")]
    [InlineData("""{"anyOf":[false,{"type":"array","items":false}]}""", "[]")]
    [InlineData("""{"type":"object","properties":{"a":false}}""", """{"b":1}""")]
    [InlineData("""{"type":["string","integer"],"minimum":5,"maximum":4}""", "\"a\"")]
    [InlineData("""{"propertyNames":{"type":"string"}}""", "{\"a\":1}")]
    [InlineData("""{"propertyNames":true}""", "{\"a\":1}")]
    [InlineData("""{"uniqueItems":false,"minProperties":0,"unevaluatedProperties":true}""", "1")]
    public void What_something_satisfies_is_not_refused(string schema, string text) =>
        Accepts(schema, text);

    private static void Accepts(string schema, string text) =>
        Assert.True(
            Grammar
                .FromJsonSchema(TestSchemas.Parse(schema))
                .Accepts(System.Text.Encoding.UTF8.GetBytes(text))
        );

    private static void MustBeRefused(string schema, string message)
    {
        var error = Assert.Throws<GrammarException>(() =>
            Grammar.FromJsonSchema(TestSchemas.Parse(schema))
        );
        Assert.StartsWith(message, error.Message, StringComparison.Ordinal);
    }
}
