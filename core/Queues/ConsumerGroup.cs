namespace LowLatency.Core.Queues;

/// <summary>Consumers of a queue that have the same priority, side by side in an array, and whose turn it is among them.</summary>
internal struct ConsumerGroup
{
    internal int Priority;
    internal int First;
    internal int Count;

    /// <summary>Who is asked next, from <see cref="First"/> on.</summary>
    internal int Turn;
}
