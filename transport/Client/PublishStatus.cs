using LowLatency.Core.Engine;

namespace LowLatency.Client;

/// <summary>What became of a call of <see cref="Publication.TryPublish(ReadOnlySpan{byte})"/>.</summary>
public enum PublishStatus
{
    /// <summary>On its way; a confirm or a rejection follows.</summary>
    Accepted,

    /// <summary>Too many messages, or bytes, are unconfirmed. Poll, then try again.</summary>
    WindowFull,

    /// <summary>Not connected at the moment. What was accepted before is sent again after the reconnect.</summary>
    NotConnected,

    /// <summary>A queue is at its bound (<see cref="Publication.FullQueue"/>). Try again: it is accepted as soon as the broker says that there is room.</summary>
    QueueFull,

    /// <summary>The broker's disk is full. Try again: it is accepted as soon as the broker says that there is room.</summary>
    DiskFull,

    /// <summary>The body is longer than the broker or this publication's window in bytes takes.</summary>
    BodyTooLarge,

    /// <summary>The publication or its connection is closed for good: see <see cref="Publication.Error"/>.</summary>
    Closed,
}

/// <summary>The broker has a message.</summary>
/// <param name="Sequence">The message's sequence in its publication.</param>
/// <param name="Level">What the confirm promises; <see cref="DurabilityLevel.None"/> when the message reached no queue.</param>
public readonly record struct Confirmation(ulong Sequence, DurabilityLevel Level);

/// <summary>The broker did not keep a message.</summary>
/// <param name="Sequence">The message's sequence in its publication.</param>
/// <param name="Code">Why; <see cref="ErrorCode.NotConnected"/> when the connection ended before the broker answered and no copy was kept to send again.</param>
/// <param name="Queue">The queue that would not take it; empty when it is about none.</param>
/// <param name="Reason">A sentence for people.</param>
public readonly record struct Rejection(ulong Sequence, ErrorCode Code, string Queue, string Reason);

/// <summary>Told of confirms.</summary>
/// <param name="publication">The publication.</param>
/// <param name="upToSequence">Every message up to this one that was not rejected is confirmed.</param>
/// <param name="level">Reached by those since the last confirm.</param>
/// <remarks>On the connection's thread or inside <see cref="Connection.Poll"/>. Must not block. May call <see cref="Publication.TryPublish(ReadOnlySpan{byte})"/>.</remarks>
public delegate void ConfirmHandler(Publication publication, ulong upToSequence, DurabilityLevel level);

/// <summary>Told of each message that the broker did not keep, before the confirm that passes its sequence.</summary>
/// <param name="publication">The publication.</param>
/// <param name="rejection">Which message and why.</param>
/// <remarks>On the connection's thread or inside <see cref="Connection.Poll"/>. Must not block.</remarks>
public delegate void RejectHandler(Publication publication, in Rejection rejection);
