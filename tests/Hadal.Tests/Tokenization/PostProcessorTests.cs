using System.Text;
using Hadal.Tokenization;

namespace Hadal.Tests.Tokenization;

/// <summary>The form of Hugging Face's tokenizers, as its TemplateProcessing is saved.</summary>
public sealed class PostProcessorTests
{
    private const string Text = """{"Sequence":{"id":"A","type_id":0}}""";
    private const string ByteLevel = """{"type":"ByteLevel","trim_offsets":true}""";

    private static string Special(string name) =>
        $$$"""{"SpecialToken":{"id":"{{{name}}}","type_id":0}}""";

    private static string Template(string single) =>
        $$"""
            {"type":"TemplateProcessing","single":[{{single}}],"pair":[],"special_tokens":{
              "<s>":{"id":"<s>","ids":[300],"tokens":["<s>"]},
              "</s>":{"id":"</s>","ids":[301],"tokens":["</s>"]},
              "<both>":{"id":"<both>","ids":[300,301],"tokens":["<s>","</s>"]},
              "<none>":{"id":"<none>","ids":[97],"tokens":["a"] } } }
            """;

    private static DeepSeekTokenizer Parse(string processor, string flags = "") =>
        DeepSeekTokenizer.Parse(
            Encoding.UTF8.GetBytes(
                $$"""
                {"added_tokens":[{"id":300,"content":"<s>"},{"id":301,"content":"</s>"}],
                 "pre_tokenizer":{"type":"Sequence","pretokenizers":[
                   {"type":"Split","pattern":{"Regex":"x"},"behavior":"Isolated"},
                   {"type":"ByteLevel","add_prefix_space":false,"use_regex":false}]},
                 "post_processor":{{processor}},
                 "decoder":{"type":"ByteLevel"},
                 "model":{"type":"BPE","vocab":{ {{TestTokenizers.ByteEntries(
                    0,
                    ""
                )}} },"merges":[] } }
                """
            ),
            Encoding.UTF8.GetBytes($$"""{ {{flags}} "bos_token":"<s>","eos_token":"</s>"}""")
        );

    [Fact]
    public void What_stands_around_the_text_in_the_template_is_added()
    {
        (string Processor, int[] Ids)[] cases =
        [
            (Template($"{Special("<s>")},{Text}"), [300, 97]),
            (Template($"{Text},{Special("</s>")}"), [97, 301]),
            (Template($"{Special("<both>")},{Text},{Special("</s>")}"), [300, 301, 97, 301]),
            (Template(Text), [97]),
            (ByteLevel, [97]),
            ("null", [97]),
            (
                $$"""{"type":"Sequence","processors":[{{ByteLevel}},{{Template($"{Special("<s>")},{Text}")}}] }""",
                [300, 97]
            ),
            ("""{"type":"Sequence","processors":[]}""", [97]),
        ];
        foreach ((string processor, int[] ids) in cases)
        {
            Assert.Equal(ids, Parse(processor).Encode("a"));
            Assert.Equal([97], Parse(processor).Encode("a", addSpecialTokens: false));
        }
    }

    [Fact]
    public void The_config_goes_before_the_template_where_it_says_something()
    {
        string both = Template($"{Special("<s>")},{Text},{Special("</s>")}");
        Assert.Equal([300, 97, 301], Parse(both, "\"add_bos_token\":true,").Encode("a"));
        Assert.Equal([97, 301], Parse(both, "\"add_bos_token\":false,").Encode("a"));
        Assert.Equal([300, 97], Parse(both, "\"add_eos_token\":false,").Encode("a"));
        Assert.Equal([97, 301], Parse("null", "\"add_eos_token\":true,").Encode("a"));
    }

    [Fact]
    public void A_template_that_can_not_be_is_named()
    {
        string many = string.Join(',', Enumerable.Repeat(Special("<s>"), 65));
        (string Processor, string Named)[] cases =
        [
            (Template(""), "single: has no Sequence"),
            (Template($"{Text},{Text}"), "one Sequence"),
            (Template("{}"), "special tokens and one Sequence"),
            (Template($"{Special("<x>")},{Text}"), "special_tokens['<x>']: is missing"),
            (Template($"{Special("<none>")},{Text}"), "97 is not the id of one of the added"),
            (Template($"{many},{Text}"), "more than 64"),
            ("""{"type":"TemplateProcessing"}""", "'special_tokens' is missing"),
            ("""{"type":"Sequence"}""", "'processors' is missing"),
            ("""{"type":"Sequence","processors":[{"type":"Bert"}]}""", "processors[0]: 'Bert'"),
            (
                $$"""{"type":"Sequence","processors":[{{Template(Text)}},{{Template(Text)}}]}""",
                "a second TemplateProcessing"
            ),
        ];
        foreach ((string processor, string named) in cases)
        {
            var error = Assert.Throws<TokenizerException>(() => Parse(processor));
            Assert.Contains(named, error.Message, StringComparison.Ordinal);
        }
    }
}
