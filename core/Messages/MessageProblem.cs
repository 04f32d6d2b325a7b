using LowLatency.Core.Engine;

namespace LowLatency.Core.Messages;

/// <summary>What is wrong with a message's headers.</summary>
internal enum MessageProblem : byte
{
    None = 0,

    /// <summary>They are no content header.</summary>
    Malformed,

    Expiration,
    Delay,
    DeliverAt,

    /// <summary>Scheduled for more than ten years ahead.</summary>
    TooFarAhead,
}

/// <summary>How a publisher is told.</summary>
internal static class MessageProblems
{
    internal static ErrorCode Code(this MessageProblem problem) => problem switch
    {
        MessageProblem.None => ErrorCode.None,
        MessageProblem.Malformed => ErrorCode.MalformedHeaders,
        _ => ErrorCode.PreconditionFailed,
    };

    internal static string Sentence(this MessageProblem problem) => problem switch
    {
        MessageProblem.None => "",
        MessageProblem.Malformed =>
            "The headers are malformed: send AMQP property flags and the properties they name, with lengths that add up and text in UTF-8, or nothing.",
        MessageProblem.Expiration => "The property expiration must be a whole number of milliseconds in decimal digits, as in \"60000\".",
        MessageProblem.Delay => "The header x-delay must be an integer: milliseconds from now.",
        MessageProblem.DeliverAt => "The header x-deliver-at must be an integer (Unix time in milliseconds) or a timestamp.",
        MessageProblem.TooFarAhead => "The message is scheduled for more than ten years ahead: choose an earlier time.",
        _ => throw new ArgumentOutOfRangeException(nameof(problem)),
    };
}
