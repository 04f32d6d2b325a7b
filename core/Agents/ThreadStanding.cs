namespace LowLatency.Core.Agents;

/// <summary>How a thread of the broker shares a processor with others, where there are not enough. Linux; elsewhere all stand alike.</summary>
internal enum ThreadStanding
{
    /// <summary>As every thread of the system.</summary>
    Usual,

    /// <summary>Goes on as soon as it wakes, and no longer than its part: a message waits for it.</summary>
    First,

    /// <summary>Runs when no other thread wants the processor.</summary>
    Behind,
}
