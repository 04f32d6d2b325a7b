using System.Text;
using LowLatency.Core.Engine;

namespace LowLatency.Client;

/// <summary>One request on its way to the broker and back, and the task that its caller waits on.</summary>
/// <remarks>Made on the caller's thread, then the connection's until the task completes.</remarks>
internal sealed class Request(RequestKind kind)
{
    private readonly TaskCompletionSource<QueueInfo> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

    internal RequestKind Kind { get; } = kind;

    /// <summary>Queue or exchange, in UTF-8; of a binding the exchange.</summary>
    internal byte[] Name { get; private init; } = [];

    /// <summary>Of a binding the queue.</summary>
    internal byte[] Queue { get; private init; } = [];

    /// <summary>Of a binding its key.</summary>
    internal byte[] Key { get; private init; } = [];

    internal QueueFlags QueueFlags { get; private init; }

    internal ulong MaxLength { get; private init; }

    internal bool IsDurableExchange { get; private init; }

    internal Publication? Publication { get; init; }

    internal Subscription? Subscription { get; init; }

    /// <summary>Of a close: the handle, where the broker has ended what it named; it then has neither publication nor subscription.</summary>
    internal uint EndedHandle { private get; init; }

    /// <summary>Of a close: the handle to close.</summary>
    internal uint TargetHandle => Publication?.Handle ?? Subscription?.Handle ?? EndedHandle;

    /// <summary>Restores what was granted before, or gives back what was ended, on the present connection: nobody waits for it.</summary>
    internal bool IsRepeat { get; init; }

    /// <summary>It was sent before the connection was lost: it may have been carried out already.</summary>
    internal bool MayBeDone { get; set; }

    /// <summary>Number on the present connection.</summary>
    internal uint Id { get; set; }

    /// <summary>When to give up, in milliseconds of <see cref="Environment.TickCount64"/>.</summary>
    internal long DeadlineMs { get; set; }

    internal Task<QueueInfo> Task => _done.Task;

    internal bool IsCompleted => _done.Task.IsCompleted;

    internal void Complete(QueueInfo result) => _done.TrySetResult(result);

    internal void Fail(LowLatencyException error)
    {
        if (_done.TrySetException(error) && IsRepeat)
            _ = _done.Task.Exception; // Looked at: nobody waits for a repeat.
    }

    internal void Cancel(CancellationToken cancellation) => _done.TrySetCanceled(cancellation);

    internal static Request DeclareQueue(string queue, QueueOptions options)
    {
        Names.Check(queue, "queue's name");
        Ranges.Check(options.MaxLength, 0, long.MaxValue, nameof(options.MaxLength), "messages");
        QueueFlags flags = (options.Durable ? QueueFlags.Durable : 0) | (options.Passive ? QueueFlags.Passive : 0);
        return new Request(RequestKind.DeclareQueue) { Name = Utf8(queue), QueueFlags = flags, MaxLength = (ulong)options.MaxLength };
    }

    internal static Request DeleteQueue(string queue)
    {
        Names.Check(queue, "queue's name");
        return new Request(RequestKind.DeleteQueue) { Name = Utf8(queue) };
    }

    internal static Request DeclareExchange(string exchange, bool durable)
    {
        Names.Check(exchange, "exchange's name");
        return new Request(RequestKind.DeclareExchange) { Name = Utf8(exchange), IsDurableExchange = durable };
    }

    internal static Request DeleteExchange(string exchange)
    {
        Names.Check(exchange, "exchange's name");
        return new Request(RequestKind.DeleteExchange) { Name = Utf8(exchange) };
    }

    internal static Request Binding(RequestKind kind, string exchange, string queue, string key)
    {
        Names.Check(exchange, "exchange's name");
        Names.Check(queue, "queue's name");
        Names.CheckMayBeEmpty(key, "binding's key");
        return new Request(kind) { Name = Utf8(exchange), Queue = Utf8(queue), Key = Utf8(key) };
    }

    /// <summary>The same again, for after a reconnect.</summary>
    internal Request Repeat() => new(Kind)
    {
        Name = Name, Queue = Queue, Key = Key, QueueFlags = QueueFlags, MaxLength = MaxLength, IsDurableExchange = IsDurableExchange,
        Publication = Publication, Subscription = Subscription, IsRepeat = true,
    };

    public override string ToString() => Kind switch
    {
        RequestKind.Bind or RequestKind.Unbind =>
            $"{Kind} of queue '{Text(Queue)}' to exchange '{Text(Name)}' with key '{Text(Key)}'",
        _ when Publication == null && Subscription == null && EndedHandle != 0 => $"{Kind} {EndedHandle}",
        RequestKind.OpenPublication or RequestKind.ClosePublication =>
            $"{Kind} to exchange '{Publication!.Exchange}' with routing key '{Publication.RoutingKey}'",
        RequestKind.Subscribe or RequestKind.Unsubscribe => $"{Kind} to queue '{Subscription!.Queue}'",
        _ => $"{Kind} '{Text(Name)}'",
    };

    private static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);

    private static string Text(byte[] utf8) => Encoding.UTF8.GetString(utf8);
}
