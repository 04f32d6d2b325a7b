using LowLatency.Core.Engine;

namespace LowLatency.Client;

/// <summary>Which deliveries of a subscription are settled on the present connection, what the broker must still be told, and how much credit to give back.</summary>
/// <remarks>
/// <para><c>floor &lt;= last</c>: every tag up to floor is settled; the lengths of those above are in a ring, -1 once settled.
/// Runs of one kind become one settlement. The connection's thread only.</para>
/// <para>Credit goes back when deliveries are settled, half of it at a time, so that credit and unsettled together never pass what was asked for.</para>
/// </remarks>
internal sealed class SettleTracker
{
    private const int Settled = -1;

    /// <summary>The broker stops at half of this.</summary>
    private const int MaxSpan = 1 << 21;

    private readonly Queue<Settlement> _ready = new();
    private int[] _lengths = new int[64];
    private Settlement _open; // Grows while runs continue it. Last is 0 when there is none.
    private uint _refillMessages;
    private ulong _refillBytes;

    /// <summary>Every tag up to here is settled.</summary>
    internal ulong Floor { get; private set; }

    /// <summary>Tag of the last delivery.</summary>
    internal ulong Last { get; private set; }

    internal int UnsettledCount { get; private set; }

    /// <summary>Whether the broker must be told something.</summary>
    internal bool HasUnsent => _open.Last != 0 || _ready.Count > 0;

    /// <summary>A delivery came; its tag is one more than <see cref="Last"/>.</summary>
    /// <returns>False when the broker delivers on and on beyond an old unsettled delivery: it breaks its own rule.</returns>
    internal bool TryAdd(int payloadLength)
    {
        if (Last - Floor == (ulong)_lengths.Length && !Grow())
            return false;
        Last++;
        _lengths[Last & (ulong)(_lengths.Length - 1)] = payloadLength;
        UnsettledCount++;
        return true;
    }

    /// <summary>Settles what is unsettled from <paramref name="first"/> to <paramref name="last"/>, which was delivered.</summary>
    internal void Settle(SettleKind kind, ulong first, ulong last)
    {
        ulong tag = Math.Max(first, Floor + 1);
        while (tag <= last)
        {
            if (!Take(tag))
            {
                tag++;
                continue;
            }

            ulong from = tag++;
            while (tag <= last && Take(tag))
                tag++;
            Continue(new Settlement(kind, from, tag - 1));
        }

        RaiseFloor();
    }

    /// <summary>Acknowledges all up to <paramref name="last"/>, which was delivered.</summary>
    internal void AckUpTo(ulong last)
    {
        bool any = false;
        for (ulong tag = Floor + 1; tag <= last; tag++)
            any |= Take(tag);
        RaiseFloor();
        if (!any)
            return;
        // A cumulative ack says again what open acks below it say.
        if (_open.Last != 0 && (_open.Kind != SettleKind.Ack || _open.Last > last))
            _ready.Enqueue(_open);
        _open = new Settlement(SettleKind.Ack, 0, last);
    }

    /// <summary>The next settlement to send, with the credit to send along with it. It stays first until <see cref="Sent"/>.</summary>
    internal bool TryPeek(int creditMessages, bool isLimitedInBytes, ulong creditBytes, out Settlement settlement, out uint messages, out ulong bytes)
    {
        messages = 0;
        bytes = 0;
        if (_open.Last != 0)
        {
            _ready.Enqueue(_open);
            _open = default;
        }

        if (!_ready.TryPeek(out settlement))
            return false;
        if (_ready.Count == 1 && IsCreditDue(creditMessages, isLimitedInBytes, creditBytes))
        {
            messages = _refillMessages;
            bytes = isLimitedInBytes ? _refillBytes : 0;
        }

        return true;
    }

    /// <summary>What was peeked is sent.</summary>
    internal void Sent(uint messages)
    {
        _ready.Dequeue();
        if (messages != 0)
            CreditSent();
    }

    /// <summary>Settles deliveries of which the broker need not be told: it has them settled already. Only their credit goes back.</summary>
    internal void Take(ulong first, ulong last)
    {
        for (ulong tag = Math.Max(first, Floor + 1); tag <= last; tag++)
            Take(tag);
        RaiseFloor();
    }

    /// <summary>Every delivery so far has returned to the queue: nothing is to be said about them any more.</summary>
    internal void Forget()
    {
        Take(1, Last);
        _ready.Clear();
        _open = default;
    }

    /// <summary>Whether credit is to go out by itself: enough to be worth it, and no settlement to go along with.</summary>
    internal bool TryPeekCredit(int creditMessages, bool isLimitedInBytes, ulong creditBytes, out uint messages, out ulong bytes)
    {
        messages = _refillMessages;
        bytes = isLimitedInBytes ? _refillBytes : 0;
        return !HasUnsent && IsCreditDue(creditMessages, isLimitedInBytes, creditBytes);
    }

    /// <summary>All credit to give back is sent.</summary>
    internal void CreditSent()
    {
        _refillMessages = 0;
        _refillBytes = 0;
    }

    /// <summary>A new connection: tags start again, and nothing said before counts.</summary>
    internal void Reset()
    {
        _ready.Clear();
        _open = default;
        _refillMessages = 0;
        _refillBytes = 0;
        Floor = 0;
        Last = 0;
        UnsettledCount = 0;
    }

    // A subscription without credit pulls: it gets none back.
    private bool IsCreditDue(int creditMessages, bool isLimitedInBytes, ulong creditBytes) =>
        _refillMessages > 0 && creditMessages > 0
        && (_refillMessages * 2 >= (uint)creditMessages
            || (isLimitedInBytes && (_refillBytes >= creditBytes / 2 || UnsettledCount == 0))); // None unsettled: the next may need all.

    private bool Take(ulong tag)
    {
        ref int length = ref _lengths[tag & (ulong)(_lengths.Length - 1)];
        if (length == Settled)
            return false;
        _refillMessages++;
        _refillBytes += (ulong)length;
        UnsettledCount--;
        length = Settled;
        return true;
    }

    private void Continue(in Settlement run)
    {
        if (_open.Last != 0 && _open.Kind == run.Kind && _open.Last + 1 == run.First)
        {
            _open = _open with { Last = run.Last };
            return;
        }

        if (_open.Last != 0)
            _ready.Enqueue(_open);
        _open = run;
    }

    private void RaiseFloor()
    {
        while (Floor < Last && _lengths[(Floor + 1) & (ulong)(_lengths.Length - 1)] == Settled)
            Floor++;
    }

    private bool Grow()
    {
        if (_lengths.Length >= MaxSpan)
            return false;
        int[] lengths = new int[_lengths.Length * 2];
        for (ulong tag = Floor + 1; tag <= Last; tag++)
            lengths[tag & (ulong)(lengths.Length - 1)] = _lengths[tag & (ulong)(_lengths.Length - 1)];
        _lengths = lengths;
        return true;
    }
}
