using LowLatency.Bench.Reports;

namespace LowLatency.Bench.Model;

/// <summary>How large the figures of the model are measured. The defaults are the sizes that their targets are for.</summary>
internal sealed record ModelOptions
{
    /// <summary>Queues that messages are published to by turns.</summary>
    internal int Queues { get; init; } = 10_000;

    /// <summary>Queues behind the fan-out.</summary>
    internal int FanOut { get; init; } = 100;

    /// <summary>Queues without messages.</summary>
    internal int IdleQueues { get; init; } = 50_000;

    /// <summary>Messages that wait in one queue.</summary>
    internal int Waiting { get; init; } = 10_000_000;

    /// <summary>Scheduled messages, and expiring ones.</summary>
    internal int Timed { get; init; } = 1_000_000;

    /// <summary>Bindings of the topic exchange.</summary>
    internal int TopicBindings { get; init; } = 100_000;

    /// <summary>Bindings of the headers exchange.</summary>
    internal int HeadersBindings { get; init; } = 1000;

    /// <summary>Rounds of which a figure is the median.</summary>
    internal int Rounds { get; init; } = 5;

    /// <summary>Messages, deliveries or calls in a round, at least.</summary>
    internal int RoundLength { get; init; } = 500_000;

    /// <summary>Rounds that do not count go on for so long, at least one.</summary>
    internal int WarmUpMs { get; init; } = 1500;

    /// <summary>Folder for journals.</summary>
    internal string DataFolder { get; init; } = "";

    internal Progress Progress { get; init; } = Progress.Silent;
}
