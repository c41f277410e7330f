namespace Hadal.Answering;

/// <summary>Why an answer ended.</summary>
public enum AnswerFinish
{
    /// <summary>The model ended it, or a stop string came.</summary>
    Stop,

    /// <summary>The greatest number of tokens was reached.</summary>
    Length,

    /// <summary>It calls tools, and the model ended it or a stop string came after the calls.</summary>
    ToolCalls,

    /// <summary>It was cancelled.</summary>
    Cancelled,

    /// <summary>Its time was up.</summary>
    Deadline,
}
