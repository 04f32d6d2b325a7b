using LowLatency.Core.Engine;
using LowLatency.Transport.Wire;

namespace LowLatency.Client;

/// <content>What the broker says. The connection's thread.</content>
public sealed partial class Subscription
{
    private int _credit;
    private ulong _creditBytes;
    private bool _isPaused;
    private bool _isStopped; // Its user has asked for it,
    private bool _wasStopped; // and the broker has answered.

    /// <summary>Told when its connection is lost, or it is over. The connection's thread.</summary>
    internal Action? Lost { get; set; }

    /// <summary>Its handle on the present connection.</summary>
    internal uint Handle { get; private set; }

    /// <summary>Whether the handle is valid.</summary>
    internal bool IsOpen { get; private set; }

    internal bool HasUnsent => IsOpen && !_isPaused && (_tracker.HasUnsent || _foreign.HasAny || IsCreditDue(out _, out _));

    /// <summary>Of what the connection's thread has taken up something is to be settled still: there was no room to send it.</summary>
    internal bool HasTakenUnsent => IsOpen && !_isPaused && _tracker.HasUnsent;

    /// <summary>It is given nothing new, but what it has can still be settled.</summary>
    internal bool IsStopped => Volatile.Read(ref _isStopped);

    /// <summary>It was stopped, and the broker knows what became of everything that it had.</summary>
    internal bool IsFinished { get; private set; }

    private bool IsLimitedInBytes => _options.CreditBytes > 0;

    /// <summary>The request that makes it, with credit that suits the present broker.</summary>
    internal byte[] SubscribeBody(ConnectionAgent agent)
    {
        agent.FitCredit(this);
        var command = new SubscribeCommand
        {
            CreditMessages = (uint)_credit,
            CreditBytes = IsLimitedInBytes ? _creditBytes : FrameLayout.NoByteLimit,
            MaxUnacked = (uint)_options.MaxUnacked,
            Priority = _options.Priority,
            Flags = (uint)_options.Flags,
        };
        return RequestBody.Of(command, RequestBody.String(_subscribeTo), RequestBody.String(_options.ConflationKey));
    }

    /// <summary>Cuts and raises the credit to what the broker can work with.</summary>
    internal void FitCredit(int maxCredit, int maxPayloadLength)
    {
        _credit = Math.Min(_options.Credit, maxCredit);
        // With less than the longest message that one would never come.
        _creditBytes = Math.Max((ulong)_options.CreditBytes, (ulong)maxPayloadLength);
    }

    /// <summary>The queue has another name on this connection.</summary>
    internal void Rename(string from, string to)
    {
        if (_subscribeTo != from)
            return;
        _subscribeTo = to;
        Volatile.Write(ref _queue, to);
    }

    /// <summary>It became, or ceased to be, the one that is given messages.</summary>
    internal void OnActive(bool isActive)
    {
        Volatile.Write(ref _isActive, isActive);
        _options.OnActive?.Invoke(this, isActive);
    }

    /// <param name="handle">On the present connection.</param>
    /// <param name="queue">The queue as asked for, or the address that the broker gave.</param>
    internal void OnSubscribed(uint handle, string queue)
    {
        Volatile.Write(ref _queue, queue);
        Handle = handle;
        IsOpen = true;
    }

    /// <param name="block">The delivered block; its lengths were checked.</param>
    /// <param name="payload">Routing key, headers, body.</param>
    /// <param name="tag">On the present connection.</param>
    /// <param name="queueSequence">As the broker sent it.</param>
    /// <param name="deliveryCount">As the broker sent it.</param>
    /// <param name="redelivered">As the broker sent it.</param>
    /// <param name="dispatchedNs">Unix time in nanoseconds.</param>
    /// <param name="firstSequence">Of a conflated delivery, as the broker sent it.</param>
    /// <param name="elided">Of a conflated delivery, as the broker sent it.</param>
    /// <returns>False: the broker breaks a rule (a tag out of order, or far beyond what was granted).</returns>
    internal bool OnDelivered(
        ref readonly byte block, ReadOnlySpan<byte> payload, ulong tag, ulong queueSequence, int deliveryCount, bool redelivered, long dispatchedNs,
        ulong firstSequence = 0, ulong elided = 0)
    {
        if (tag != _tracker.Last + 1 || !_tracker.TryAdd(payload.Length))
            return false;
        ulong userTag = _tagBase + tag;
        Volatile.Write(ref _lastTag, userTag);
        var delivery = new Delivery(in block, payload, userTag, queueSequence, deliveryCount, redelivered, dispatchedNs, firstSequence, elided);
        if (_handler != null)
            _handler(this, in delivery);
        else if (_messages != null)
            _messages.Writer.TryWrite(new Message(this, in delivery));
        else
            _got.Add(new Message(this, in delivery));
        // A reader's credit goes back when it has read: that bounds what waits for it.
        if (_options is { IsSettledByDelivery: true, ManualCredit: false } && _messages == null)
            _tracker.Take(tag, tag);
        return true;
    }

    /// <summary>A delivery came whose message is gone with its queue: settles it.</summary>
    internal bool OnVanished(ulong tag)
    {
        if (tag != _tracker.Last + 1 || !_tracker.TryAdd(0))
            return false;
        Volatile.Write(ref _lastTag, _tagBase + tag);
        _tracker.Settle(SettleKind.Ack, tag, tag);
        return true;
    }

    /// <summary>Sends what is to be settled.</summary>
    /// <returns>How many settlements.</returns>
    internal int SendPending(Door door)
    {
        if (!IsOpen || _isPaused)
            return 0;
        if (_foreign.HasAny)
        {
            foreach (Settlement settlement in _foreign.Take())
                Apply(settlement.Kind, settlement.First, settlement.Last);
        }

        int sent = 0;
        while (_tracker.HasUnsent
            && _tracker.TryPeek(_credit, IsLimitedInBytes, _creditBytes, out Settlement next, out uint messages, out ulong bytes)
            && door.TrySend(Handle, in next, messages, bytes))
        {
            _tracker.Sent(messages);
            sent++;
        }

        if (IsCreditDue(out uint creditMessages, out ulong creditBytes) && door.TrySendCredit(Handle, creditMessages, creditBytes))
        {
            _tracker.CreditSent();
            sent++;
        }

        IsFinished = _wasStopped && _tracker.UnsettledCount == 0 && !_tracker.HasUnsent;
        return sent;
    }

    /// <summary>The broker was asked to give everything back: settlements wait until it has answered.</summary>
    internal void Pause() => _isPaused = true;

    /// <summary>It did not.</summary>
    internal void Resume() => _isPaused = false;

    /// <summary>All that was delivered so far has returned to the queue and comes again.</summary>
    internal void OnRecovered()
    {
        _isPaused = false;
        if (!_options.IsSettledByDelivery)
            Volatile.Write(ref _staleTag, LastTag);
        _tracker.Forget();
        IsFinished = _wasStopped;
    }

    /// <summary>Nothing new comes any more.</summary>
    internal void OnStopped()
    {
        _wasStopped = true;
        IsFinished = _tracker.UnsettledCount == 0 && !_tracker.HasUnsent;
        _messages?.Writer.TryComplete();
    }

    /// <summary>Deliveries were settled by a transaction: the broker knows.</summary>
    internal void OnSettled(ulong first, ulong last)
    {
        if (last > _tagBase)
            _tracker.Take(Math.Max(first, _tagBase + 1) - _tagBase, last - _tagBase);
    }

    /// <summary>The connection is lost: what is unsettled comes again.</summary>
    internal void OnLost()
    {
        IsOpen = false;
        _isPaused = false;
        Volatile.Write(ref _isActive, false);
        Volatile.Write(ref _tagBase, _tagBase + _tracker.Last);
        Volatile.Write(ref _staleTag, _tagBase);
        _tracker.Reset();
        _got.Clear();
        Lost?.Invoke();
    }

    /// <summary>Over for good.</summary>
    internal void End(LowLatencyException? error)
    {
        OnLost();
        Volatile.Write(ref _error, error);
        Volatile.Write(ref _isClosed, 1);
        _messages?.Writer.TryComplete(error);
    }

    private bool IsCreditDue(out uint messages, out ulong bytes) =>
        _tracker.TryPeekCredit(_credit, IsLimitedInBytes, _creditBytes, out messages, out bytes);
}
