namespace Hadal.Model;

/// <summary>Which of the tokens given for a sequence are to get logits.</summary>
public enum LogitRows
{
    /// <summary>None: a chunk of a prompt that goes on.</summary>
    None,

    /// <summary>The last.</summary>
    Last,

    /// <summary>All.</summary>
    All,
}
