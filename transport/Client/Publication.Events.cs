using LowLatency.Core.Engine;

namespace LowLatency.Client;

/// <content>What the broker says. The connection's thread.</content>
public sealed partial class Publication
{
    private readonly Decisions _decisions;
    private bool _wasOpened;

    /// <summary>Its handle on the present connection.</summary>
    internal uint Handle { get; private set; }

    /// <summary>Whether the handle is valid.</summary>
    internal bool IsOpen { get; private set; }

    internal bool IsClosed => Status == PublishStatus.Closed;

    internal bool HasUnsent => IsOpen && !_outlet.IsSent(LastSequence);

    /// <summary>Whether there is something to send that the window lets through.</summary>
    internal bool HasSendable => IsOpen && !_outlet.IsSent(Math.Min(LastSequence, (ulong)_settled.Read() + (ulong)_window));

    internal void OnOpened(uint handle, int window, ulong lastSequence, int maxBodyLength)
    {
        if (!_wasOpened)
        {
            _wasOpened = true;
            _appended.WriteRelease((long)lastSequence);
            _settled.WriteRelease((long)lastSequence);
            _settledCached = lastSequence; // Nobody publishes yet.
        }
        else if (lastSequence > LastSequence)
        {
            End(new LowLatencyException(ErrorCode.TakenOver,
                $"Publisher '{PublisherName}' was used elsewhere while this connection was lost: the broker has its message {lastSequence}, here are {LastSequence}. Give each publication a name of its own."));
            return;
        }

        Handle = handle;
        _window = Math.Min(window, _options.Window);
        _maxBodyLength = Math.Min(maxBodyLength, _outlet.MaxBodyLength);
        ulong settled = ConfirmedSequence;
        ulong lost = _outlet.Open(handle, LastSequence, settled);
        IsOpen = true;
        for (ulong sequence = settled + 1; sequence <= lost; sequence++)
        {
            OnRejected(sequence, ErrorCode.NotConnected, "",
                "The broker went away before it answered, and in-process no copy is kept: whether it has the message is not known.");
        }

        SetStatus(PublishStatus.Accepted);
        if (HasPending)
            AdmitPending();
    }

    internal int SendPending() => IsOpen ? _outlet.Send(LastSequence, (ulong)_settled.Read(), _window) : 0;

    /// <summary>Whether a message was rejected and is not to be sent again.</summary>
    internal bool IsRejected(ulong sequence) => _decisions.IsRejected(sequence);

    internal bool HasRejected => _decisions.RejectedCount > 0;

    /// <returns>False: it confirms what was never published.</returns>
    internal bool OnConfirmed(ulong sequence, DurabilityLevel level)
    {
        ulong settled = (ulong)_settled.Read();
        if (sequence > LastSequence)
            return false;
        if (sequence <= settled)
            return true; // A resend that the broker had.
        Volatile.Write(ref _confirmedLevel, (int)level);
        Advance(settled, sequence, level);
        _options.OnConfirm?.Invoke(this, sequence, level);
        AfterDecisions();
        return true;
    }

    /// <returns>False: it rejects what was never published.</returns>
    internal bool OnRejected(ulong sequence, ErrorCode code, string queue, string reason)
    {
        ulong settled = (ulong)_settled.Read();
        if (sequence > LastSequence)
            return false;
        if (sequence <= settled)
            return true;
        // A broker that shuts down rejects what comes too late; it is sent again when the broker is back.
        if (code == ErrorCode.ShuttingDown && _outlet.KeepsCopies)
            return true;
        PublishRejectedException? error = _decisions.HasWaiter(sequence) ? new PublishRejectedException(code, sequence, queue, reason) : null;
        if (!_decisions.Reject(sequence, error))
            return true;
        if (code is ErrorCode.QueueFull or ErrorCode.DiskFull && Status == PublishStatus.Accepted)
        {
            Volatile.Write(ref _fullQueue, code == ErrorCode.QueueFull ? queue : null);
            SetStatus(code == ErrorCode.QueueFull ? PublishStatus.QueueFull : PublishStatus.DiskFull);
        }

        if (sequence == settled + 1)
            Advance(settled, sequence, DurabilityLevel.None);
        _options.OnReject?.Invoke(this, new Rejection(sequence, code, queue, reason));
        AfterDecisions();
        return true;
    }

    internal void OnReady()
    {
        if (Status is not (PublishStatus.QueueFull or PublishStatus.DiskFull))
            return;
        SetStatus(PublishStatus.Accepted);
        Volatile.Write(ref _fullQueue, null);
        if (HasPending)
            AdmitPending();
    }

    internal void OnBlocked(Blocking blocking)
    {
        Volatile.Write(ref _blocking, blocking);
        _options.OnBlocked?.Invoke(this, blocking);
    }

    internal void OnUnblocked(long lastedNs)
    {
        Volatile.Write(ref _blocking, null);
        _options.OnUnblocked?.Invoke(this, TimeSpan.FromTicks(lastedNs / TimeSpan.NanosecondsPerTick));
    }

    /// <summary>The broker takes nothing new before the connection ends.</summary>
    internal void Hold()
    {
        if (IsOpen)
            SetStatus(PublishStatus.NotConnected);
    }

    /// <summary>The connection is lost.</summary>
    internal void OnLost()
    {
        if (!IsOpen)
            return;
        IsOpen = false;
        SetStatus(PublishStatus.NotConnected);
        Volatile.Write(ref _fullQueue, null);
        Volatile.Write(ref _blocking, null);
        _outlet.Close();
    }

    /// <summary>Over for good.</summary>
    internal void End(LowLatencyException? error)
    {
        IsOpen = false;
        Volatile.Write(ref _blocking, null);
        Volatile.Write(ref _error, error);
        Volatile.Write(ref _status, (int)PublishStatus.Closed);
        _outlet.Close();
        LowLatencyException told = ClosedError();
        _decisions.FailAll(told);
        FailWaiting(told);
    }

    private void Advance(ulong settled, ulong to, DurabilityLevel level)
    {
        _decisions.Pass(settled + 1, to, level);
        // What was rejected behind it is decided as well: no confirm need come for it.
        while (_decisions.RejectedCount > 0 && to < LastSequence && _decisions.IsRejected(to + 1))
        {
            to++;
            _decisions.Pass(to, to, level);
        }

        _outlet.Release(to);
        // Release: pairs with the acquire in RefreshSettled. Memory and slots of those messages are free.
        _settled.WriteRelease((long)to);
    }

    private void AfterDecisions()
    {
        if (HasPending)
            AdmitPending();
        if (_isBackground)
            Interlocked.MemoryBarrier(); // Pairs with the one in FlushAsync.
        if (Volatile.Read(ref _hasFlushes))
            CompleteFlushes();
    }

    // Never leaves Closed, which its user may set at any time.
    private void SetStatus(PublishStatus status)
    {
        int seen = Volatile.Read(ref _status);
        while (seen != (int)PublishStatus.Closed)
        {
            int found = Interlocked.CompareExchange(ref _status, (int)status, seen);
            if (found == seen)
                return;
            seen = found;
        }
    }
}
