using LowLatency.Core.Engine;
using LowLatency.Transport.Wire;

namespace LowLatency.Client;

/// <content>What the broker says. The connection's thread.</content>
public sealed partial class Subscription
{
    private int _credit;
    private ulong _creditBytes;

    /// <summary>Its handle on the present connection.</summary>
    internal uint Handle { get; private set; }

    /// <summary>Whether the handle is valid.</summary>
    internal bool IsOpen { get; private set; }

    internal bool HasUnsent => IsOpen && (_tracker.HasUnsent || _foreign.HasAny);

    /// <summary>Credit to subscribe with.</summary>
    internal uint FirstCredit => (uint)_credit;

    /// <summary>Credit in bytes to subscribe with.</summary>
    internal ulong FirstCreditBytes => IsLimitedInBytes ? _creditBytes : FrameLayout.NoByteLimit;

    private bool IsLimitedInBytes => _options.CreditBytes > 0;

    /// <summary>Cuts and raises the credit to what the broker can work with.</summary>
    internal void FitCredit(int maxCredit, int maxPayloadLength)
    {
        _credit = Math.Min(_options.Credit, maxCredit);
        // With less than the longest message that one would never come.
        _creditBytes = Math.Max((ulong)_options.CreditBytes, (ulong)maxPayloadLength);
    }

    internal void OnSubscribed(uint handle)
    {
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
    /// <returns>False: the broker breaks a rule (a tag out of order, or far beyond what was granted).</returns>
    internal bool OnDelivered(
        ref readonly byte block, ReadOnlySpan<byte> payload, ulong tag, ulong queueSequence, int deliveryCount, bool redelivered, long dispatchedNs)
    {
        if (tag != _tracker.Last + 1 || !_tracker.TryAdd(payload.Length))
            return false;
        ulong userTag = _tagBase + tag;
        Volatile.Write(ref _lastTag, userTag);
        var delivery = new Delivery(in block, payload, userTag, queueSequence, deliveryCount, redelivered, dispatchedNs);
        if (_handler != null)
            _handler(this, in delivery);
        else
            _messages!.Writer.TryWrite(new Message(this, in delivery));
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
        if (!IsOpen)
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

        return sent;
    }

    /// <summary>The connection is lost: what is unsettled comes again.</summary>
    internal void OnLost()
    {
        IsOpen = false;
        Volatile.Write(ref _tagBase, _tagBase + _tracker.Last);
        _tracker.Reset();
    }

    /// <summary>Over for good.</summary>
    internal void End(LowLatencyException? error)
    {
        OnLost();
        Volatile.Write(ref _error, error);
        Volatile.Write(ref _isClosed, 1);
        _messages?.Writer.TryComplete(error);
    }
}
