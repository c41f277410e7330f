namespace Hadal.Chat;

/// <summary>The prompt formats of DeepSeek's chat models.</summary>
public enum ChatFormat
{
    /// <summary>DeepSeek-V3: no thinking marks.</summary>
    V3,

    /// <summary>
    /// DeepSeek-V3.1, V3.1-Terminus and V3.2-Exp: an answer begins with <c>&lt;think&gt;</c> or <c>&lt;/think&gt;</c>.
    /// </summary>
    V31,

    /// <summary>DeepSeek-V3.2: the encoder that ships in place of a Jinja template.</summary>
    V32,
}
