namespace LowLatency.Core.Queues;

/// <summary>What keeps a message's record in its log: one queue's place for it.</summary>
/// <param name="Position">Position of the record.</param>
/// <param name="PayloadLength">Routing key, headers and body together, in bytes.</param>
/// <param name="IsShared">The record went to several queues.</param>
internal readonly record struct MessageHold(long Position, int PayloadLength, bool IsShared);
