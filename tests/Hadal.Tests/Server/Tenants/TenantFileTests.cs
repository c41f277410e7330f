using Hadal.Server;
using Hadal.Server.Tenants;
using Microsoft.Extensions.Options;

namespace Hadal.Tests.Server.Tenants;

/// <summary>Files of keys are read, or refused by what is wrong in them; no refusal tells a key.</summary>
public sealed class TenantFileTests
{
    private const string Secret = "sk-do-not-tell";

    [Theory]
    [InlineData(null, "can't be read")]
    [InlineData("{", "json")]
    [InlineData("""["sk-do-not-tell"]""", "must be an object")]
    [InlineData("""{}""", "the field 'keys' is missing")]
    [InlineData("""{"keys":[]}""", "keys: must have from 1 to 10000 elements")]
    [InlineData("""{"keys":["sk-do-not-tell"]}""", "keys[0]: is a JSON String")]
    [InlineData("""{"kyes":["sk-do-not-tell"]}""", "there is no field 'kyes'")]
    [InlineData("""{"keys":[{"name":"a"}]}""", "keys[0]: must have either key or key_sha256")]
    [InlineData("""{"keys":[{"key":"sk-do-not-tell"}]}""", "keys[0]: the field 'name' is missing")]
    [InlineData(
        """{"keys":[{"name":"a","key":"sk-do-not-tell","key_sha256":"0"}]}""",
        "must have either key or key_sha256"
    )]
    [InlineData(
        """{"keys":[{"name":"a","key":"sk-do-not-tell spaced"}]}""",
        "keys[0].key: must be"
    )]
    [InlineData("""{"keys":[{"name":"a","key":""}]}""", "keys[0].key: must be")]
    [InlineData("""{"keys":[{"name":"a","key_sha256":"sk-do-not-tell"}]}""", "64 hexadecimal")]
    [InlineData(
        """{"keys":[{"name":"a","key":"sk-do-not-tell"},{"name":"a","key":"x"}]}""",
        "keys[1].name"
    )]
    [InlineData(
        """{"keys":[{"name":"a","key":"sk-do-not-tell"},{"name":"b","key":"sk-do-not-tell"}]}""",
        "keys[1]: another entry has the same key"
    )]
    [InlineData(
        """{"keys":[{"name":"a","key":"sk-do-not-tell","keey":"sk-do-not-tell"}]}""",
        "there is no field 'keey'"
    )]
    [InlineData(
        """{"keys":[{"name":"a","key":"sk-do-not-tell","max_requests":0}]}""",
        "keys[0].max_requests: is 0"
    )]
    [InlineData(
        """{"keys":[{"name":"a","key":"sk-do-not-tell","requests_per_minute":2000000000}]}""",
        "keys[0].requests_per_minute: is 2000000000"
    )]
    [InlineData(
        """{"keys":[{"name":"a","key":"sk-do-not-tell","priority":1001}]}""",
        "keys[0].priority: is 1001"
    )]
    [InlineData(
        """{"keys":[{"name":"a","key":"sk-do-not-tell","metrics":"yes"}]}""",
        "keys[0].metrics"
    )]
    public void Wrong_files_are_refused(string? json, string problem)
    {
        using var file = new KeyFile(json);
        OptionsValidationException error = Assert.Throws<OptionsValidationException>(() =>
            new KeyRing(new HadalOptions { ApiKeysFile = file.Path })
        );
        string message = Assert.Single(error.Failures);
        Assert.StartsWith("Hadal:ApiKeysFile: ", message, StringComparison.Ordinal);
        Assert.Contains(problem, message, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain(Secret, message, StringComparison.Ordinal);
    }

    [Fact]
    public void Keys_are_found_by_themselves_or_their_hashes()
    {
        // The SHA-256 of "abc", of FIPS 180-2's first example.
        using var file = new KeyFile(
            """
            {"keys": [
              {"name": "alice", "key": "sk-alice", "max_requests": 3, "priority": -5},
              {"name": "bob", "key_sha256": "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD"}
            ]}
            """
        );
        var keys = new KeyRing(new HadalOptions { ApiKeysFile = file.Path, ApiKey = "sk-op" });
        Assert.False(keys.IsOpen);
        Tenant alice = keys.Find("sk-alice")!;
        Assert.Equal(
            ("alice", 3, -5, false),
            (alice.Name, alice.MaxRequests, alice.Priority, alice.SeesMetrics)
        );
        Assert.Equal("bob", keys.Find("abc")!.Name);
        Assert.Same(Tenant.Operator, keys.Find("sk-op"));
        foreach (string wrong in (string[])["", "sk-alic", "sk-alice ", "SK-ALICE", "ABC"])
            Assert.Null(keys.Find(wrong));
    }

    [Fact]
    public void The_operators_key_is_no_tenants()
    {
        using var file = new KeyFile($$"""{"keys":[{"name":"alice","key":"{{Secret}}"}]}""");
        OptionsValidationException error = Assert.Throws<OptionsValidationException>(() =>
            new KeyRing(new HadalOptions { ApiKeysFile = file.Path, ApiKey = Secret })
        );
        Assert.Contains("'alice'", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(Secret, error.Message, StringComparison.Ordinal);
    }
}
