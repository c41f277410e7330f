namespace Hadal.Tests.Server.Clients;

/// <summary>What a test needs of the machine.</summary>
internal static class Requirement
{
    /// <summary>Skips the test where it is missing; fails it where continuous integration should have it.</summary>
    /// <param name="isThere">Whether it is there.</param>
    /// <param name="isExpected">Whether continuous integration has it on such a machine.</param>
    /// <param name="message">What is missing, and how to get it.</param>
    public static void Check(bool isThere, Func<bool> isExpected, string message)
    {
        if (isThere)
            return;
        Assert.False(Environment.GetEnvironmentVariable("CI") == "true" && isExpected(), message);
        Assert.Skip(message);
    }
}
