using System.Buffers.Binary;
using LowLatency.Core.Engine;

namespace LowLatency.Client;

/// <content>Pulling: messages come when they are asked for.</content>
public sealed partial class Subscription
{
    private readonly List<Message> _got = []; // The connection's thread's, until the answer.
    private Request? _get; // Of TryGet, used again and again.
    private byte[]? _getBody;
    private Message[] _gotAll = [];
    private int _isGetting;

    /// <summary>Whether a get is under way. Any thread.</summary>
    public bool IsGetting => Volatile.Read(ref _isGetting) != 0;

    /// <summary>Asks for messages and waits for the broker's answer.</summary>
    /// <param name="max">Most messages, at least 1.</param>
    /// <param name="wait">Where nothing is ready: how long to wait for the first message.</param>
    /// <param name="maxBytes">Most bytes of keys, headers and bodies together; 0 for no limit. The first message comes whatever its size.</param>
    /// <param name="cancellation">Ends the waiting; what is delivered then stays unsettled.</param>
    /// <returns>What was there, in order; empty when nothing came in time. To be settled as any delivery.</returns>
    /// <exception cref="InvalidOperationException">The subscription has credit or a handler, or another get is under way.</exception>
    /// <exception cref="LowLatencyException">The subscription is closed, or there was no answer in time.</exception>
    public async Task<IReadOnlyList<Message>> GetAsync(int max = 1, TimeSpan wait = default, long maxBytes = 0, CancellationToken cancellation = default)
    {
        Request request = BeginGet(max, wait, maxBytes);
        await Connection.SendAsync(request, cancellation).ConfigureAwait(false);
        return _gotAll;
    }

    /// <inheritdoc cref="GetAsync"/>
    /// <remarks>Blocks until the broker has answered; not from a handler.</remarks>
    public IReadOnlyList<Message> Get(int max = 1, TimeSpan wait = default, long maxBytes = 0)
    {
        Connection.Await(BeginGet(max, wait, maxBytes));
        return _gotAll;
    }

    /// <summary>Asks for messages, which come to the handler. Allocates nothing.</summary>
    /// <param name="max">Most messages, at least 1.</param>
    /// <param name="wait">Where nothing is ready: how long to wait for the first message.</param>
    /// <param name="maxBytes">Most bytes of keys, headers and bodies together; 0 for no limit. The first message comes whatever its size.</param>
    /// <returns>False: the last one is still under way (<see cref="IsGetting"/>), or the subscription is closed.</returns>
    /// <exception cref="InvalidOperationException">The subscription has credit, or no handler.</exception>
    public bool TryGet(int max, TimeSpan wait = default, long maxBytes = 0)
    {
        if (_handler == null)
            throw new InvalidOperationException("This subscription has no handler that could take the messages: use GetAsync.");
        CheckGet(max, wait, maxBytes);
        if (IsClosed || Interlocked.Exchange(ref _isGetting, 1) != 0)
            return false;
        _getBody ??= RequestBody.Of(default(GetCommand));
        _get ??= new Request(CommandType.Get, isReusable: true) { Subscription = this, Body = _getBody };
        WriteGet(_getBody, max, wait, maxBytes);
        _get.ExtraMs = (long)wait.TotalMilliseconds;
        _agent.Post(_get);
        return true;
    }

    /// <summary>A get is answered, or came to nothing. The connection's thread.</summary>
    internal void OnGot()
    {
        _gotAll = _got.Count == 0 ? [] : [.. _got];
        _got.Clear();
        Volatile.Write(ref _isGetting, 0);
    }

    internal LowLatencyException ClosedError()
        => Error ?? new LowLatencyException(ErrorCode.NotConnected, $"The subscription to queue '{Queue}' is closed: subscribe again.");

    private Request BeginGet(int max, TimeSpan wait, long maxBytes)
    {
        if (_handler != null)
            throw new InvalidOperationException("This subscription has a handler, which takes its messages: use TryGet.");
        CheckGet(max, wait, maxBytes);
        if (IsClosed)
            throw ClosedError();
        if (Interlocked.Exchange(ref _isGetting, 1) != 0)
            throw new InvalidOperationException("Another get is under way on this subscription: wait for it.");
        byte[] body = RequestBody.Of(default(GetCommand));
        WriteGet(body, max, wait, maxBytes);
        return new Request(CommandType.Get) { Subscription = this, Body = body, ExtraMs = (long)wait.TotalMilliseconds };
    }

    private void CheckGet(int max, TimeSpan wait, long maxBytes)
    {
        if (_options.Credit != 0)
            throw new InvalidOperationException($"This subscription is given messages by itself: subscribe with {nameof(SubscriptionOptions.Credit)} = 0 to get them.");
        Ranges.Check(max, 1, 65_536, nameof(max), "messages");
        Ranges.Check((long)wait.TotalMilliseconds, 0, int.MaxValue, nameof(wait), "ms");
        Ranges.Check(maxBytes, 0, long.MaxValue, nameof(maxBytes), "bytes");
    }

    // Behind request and subscription, which are written when it is sent.
    private static void WriteGet(byte[] body, int max, TimeSpan wait, long maxBytes)
    {
        const int MaxMessages = 8, WaitMs = 12, MaxBytes = 16;
        BinaryPrimitives.WriteUInt32LittleEndian(body.AsSpan(MaxMessages), (uint)max);
        BinaryPrimitives.WriteUInt32LittleEndian(body.AsSpan(WaitMs), (uint)wait.TotalMilliseconds);
        BinaryPrimitives.WriteUInt64LittleEndian(body.AsSpan(MaxBytes), maxBytes == 0 ? ulong.MaxValue : (ulong)maxBytes);
    }
}
