namespace Hadal.Answering;

/// <summary>Why an answer ended.</summary>
public enum AnswerFinish
{
    /// <summary>The model ended it, or a stop string came.</summary>
    Stop,

    /// <summary>The greatest number of tokens was reached.</summary>
    Length,

    /// <summary>The model ended it, and it calls tools.</summary>
    ToolCalls,

    /// <summary>It was cancelled.</summary>
    Cancelled,

    /// <summary>Its time was up.</summary>
    Deadline,
}
