using LowLatency.Core.Engine;

namespace LowLatency.Client;

/// <summary>Why the broker holds a publication's confirms back. What is published is taken and kept all the same, until the window is full.</summary>
/// <param name="Code"><see cref="ErrorCode.QueueFull"/>: a queue that blocks is at its bound. <see cref="ErrorCode.DiskFull"/>: the broker's disk has little room.</param>
/// <param name="Queue">The queue; empty for the disk.</param>
/// <param name="Reason">A sentence for people.</param>
/// <param name="SinceNs">Since when the queue or the disk is so: Unix time in nanoseconds, by the broker's clock.</param>
public sealed record Blocking(ErrorCode Code, string Queue, string Reason, long SinceNs);

/// <summary>Told when confirms are held back, and again when the reason changes.</summary>
/// <param name="publication">The publication.</param>
/// <param name="blocking">Why and since when.</param>
/// <remarks>On the connection's thread or inside <see cref="Connection.Poll"/>. Must not block.</remarks>
public delegate void BlockedHandler(Publication publication, Blocking blocking);

/// <summary>Told when confirms are held back no more. Not when the connection is lost meanwhile: the broker says anew what is so after the reconnect.</summary>
/// <param name="publication">The publication.</param>
/// <param name="lasted">For how long it was so.</param>
/// <remarks>On the connection's thread or inside <see cref="Connection.Poll"/>. Must not block.</remarks>
public delegate void UnblockedHandler(Publication publication, TimeSpan lasted);
