using System.Globalization;
using LowLatency.Core.Engine;

namespace LowLatency.Client;

/// <summary>Requests that wait to be sent and those that wait for their answer. The connection's thread only, except <see cref="Post"/>.</summary>
/// <remarks>After a lost connection the unanswered ones are sent again, after what restores the connection's own state.</remarks>
internal sealed class RequestTable
{
    private readonly Lock _gate = new();
    private readonly List<Request> _posted = [];
    private readonly Dictionary<uint, Request> _sent = [];
    private readonly Queue<Request> _unsent = new();
    private LowLatencyException? _closed;
    private uint _lastId;
    private bool _hasPosted;

    /// <summary>Whether there is something to send.</summary>
    internal bool HasUnsent => _unsent.Count > 0 || Volatile.Read(ref _hasPosted);

    internal bool IsEmpty => _unsent.Count == 0 && _sent.Count == 0 && !Volatile.Read(ref _hasPosted);

    /// <summary>Adds a request. Any thread. It fails at once when the connection is closed for good.</summary>
    internal void Post(Request request)
    {
        lock (_gate)
        {
            if (_closed == null)
            {
                _posted.Add(request);
                Volatile.Write(ref _hasPosted, true);
                return;
            }
        }

        request.Fail(_closed);
    }

    /// <summary>The next request to send; it stays first until <see cref="Sent"/>.</summary>
    internal bool TryPeek(out Request request)
    {
        TakePosted();
        while (_unsent.TryPeek(out request!))
        {
            if (!request.IsCompleted)
            {
                request.Id = _lastId + 1;
                return true;
            }

            _unsent.Dequeue(); // Timed out or cancelled before it was sent.
        }

        return false;
    }

    /// <summary>The request that was peeked is sent.</summary>
    internal void Sent()
    {
        Request request = _unsent.Dequeue();
        _lastId = request.Id;
        _sent.Add(request.Id, request);
    }

    /// <summary>The request that was peeked needs no sending.</summary>
    internal void Drop() => _unsent.Dequeue();

    /// <summary>The request that an answer is for.</summary>
    internal bool TryTake(uint id, out Request request) => _sent.Remove(id, out request!);

    /// <summary>The connection is lost: ends what must not be sent again on another.</summary>
    internal void OnLost()
    {
        foreach (Request request in _sent.Values)
        {
            if (request.Type == CommandType.CommitTransaction)
                request.Fail(Transaction.Unknown());
            else if (request.Type == CommandType.Recover)
                request.Complete(default); // All of the old connection's deliveries return.
        }
    }

    /// <summary>A new connection: <paramref name="repeats"/> first, then what was unanswered, then what was unsent.</summary>
    internal void Restart(List<Request> repeats)
    {
        var rest = new List<Request>(_sent.Count + _unsent.Count);
        foreach (Request request in _sent.Values)
        {
            request.MayBeDone = true;
            if (!request.IsRepeat && !request.IsCompleted)
                rest.Add(request);
        }

        rest.Sort(static (a, b) => a.Id.CompareTo(b.Id));
        foreach (Request request in _unsent)
        {
            if (!request.IsRepeat && !request.IsCompleted)
                rest.Add(request);
        }

        _sent.Clear();
        _unsent.Clear();
        _lastId = 0;
        foreach (Request request in repeats)
            _unsent.Enqueue(request);
        foreach (Request request in rest)
            _unsent.Enqueue(request);
    }

    /// <summary>A queue that the broker names has another name from now on.</summary>
    internal void Rename(string from, string to)
    {
        foreach (Request request in _unsent)
            request.Rename(from, to);
    }

    /// <summary>Fails those whose time is over. What was sent stays known, so that its late answer is understood.</summary>
    internal int Expire(long nowMs)
    {
        TakePosted();
        int expired = 0;
        foreach (Request request in _unsent)
            expired += Expire(request, nowMs);
        foreach (Request request in _sent.Values)
            expired += Expire(request, nowMs);
        return expired;
    }

    /// <summary>Fails all, and every later one.</summary>
    internal void Close(LowLatencyException error)
    {
        lock (_gate)
            _closed = error;
        TakePosted();
        foreach (Request request in _unsent)
            request.Fail(error);
        foreach (Request request in _sent.Values)
            request.Fail(error);
        _unsent.Clear();
        _sent.Clear();
    }

    private static int Expire(Request request, long nowMs)
    {
        if (request.IsRepeat || request.IsReusable || request.IsCompleted || nowMs < request.DeadlineMs)
            return 0;
        request.Fail(new LowLatencyException(ErrorCode.Timeout, string.Create(CultureInfo.InvariantCulture,
            $"{request}: no answer in time. Whether it was carried out is not known; try again when the connection is ready.")));
        return 1;
    }

    private void TakePosted()
    {
        if (!Volatile.Read(ref _hasPosted))
            return;
        lock (_gate)
        {
            foreach (Request request in _posted)
                _unsent.Enqueue(request);
            _posted.Clear();
            Volatile.Write(ref _hasPosted, false);
        }
    }
}
