using LowLatency.Core.Queues;

namespace LowLatency.Core.Engine;

/// <summary>An answer that waits until a definition is on disk.</summary>
/// <param name="Type"><see cref="EventType.QueueDeclared"/> or <see cref="EventType.Done"/>.</param>
/// <param name="Session">Whom to tell.</param>
/// <param name="Request">What was asked.</param>
/// <param name="Position">Durable up to here is enough.</param>
/// <param name="Queue">For a queue's declaration.</param>
/// <param name="Count">What the request counts.</param>
internal readonly record struct PendingReply(EventType Type, Session Session, uint Request, long Position, BrokerQueue? Queue, ulong Count = 0);
