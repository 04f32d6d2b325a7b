namespace LowLatency.Client;

/// <summary>What a queue does with a message for which it has no room.</summary>
public enum Overflow
{
    /// <summary>The publisher is told that it is full (410), and when there is room again.</summary>
    RejectPublish,

    /// <summary>The oldest messages make room.</summary>
    DropHead,

    /// <summary>The new message goes to the dead-letter exchange instead.</summary>
    DeadLetter,

    /// <summary>As <see cref="DeadLetter"/>, and the publisher is told that it was full.</summary>
    RejectPublishDeadLetter,

    /// <summary>It is taken, and confirmed only when there is room: the publisher's window fills.</summary>
    Block,
}

internal static class OverflowWords
{
    /// <summary>As arguments have it.</summary>
    internal static string Word(this Overflow overflow) => overflow switch
    {
        Overflow.DropHead => "drop-head",
        Overflow.DeadLetter => "dead-letter",
        Overflow.RejectPublishDeadLetter => "reject-publish-dlx",
        Overflow.Block => "block",
        _ => "reject-publish",
    };
}
