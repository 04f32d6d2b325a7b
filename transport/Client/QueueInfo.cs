namespace LowLatency.Client;

/// <summary>A queue at the moment of its declaration.</summary>
/// <param name="Name">Its name: the broker's choice where it was asked to choose.</param>
/// <param name="Ready">Messages that could be delivered now.</param>
/// <param name="Consumers">Subscriptions on it, of all connections.</param>
public readonly record struct QueueInfo(string Name, long Ready, int Consumers);
