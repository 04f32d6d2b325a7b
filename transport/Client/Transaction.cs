using LowLatency.Core.Engine;
using LowLatency.Transport.Wire;

namespace LowLatency.Client;

/// <summary>Publishes and settlements that are carried out together, or not at all.</summary>
/// <remarks>
/// <para>They are gathered here and go to the broker with <see cref="CommitAsync"/>, which carries them out as one record: also a crash leaves all of them or
/// none. When it fails because of one of them, none was done and the deliveries are still to be settled. Afterwards the object is empty and can be used again.</para>
/// <para>One that is open when the connection is lost fails: its deliveries come again. Where the commit was under way it is not known whether it was carried
/// out; the exception says so. Messages in it carry no sequence: the broker does not recognise them when they are sent again.</para>
/// <para>One thread at a time. Several can be open on a connection.</para>
/// </remarks>
public sealed class Transaction
{
    private readonly Connection _connection;
    private readonly ConnectionAgent _agent;
    private readonly List<Operation> _operations = [];
    private byte[] _frames = new byte[1024];
    private int _length;
    private int _sent; // The connection's thread's.
    private int _generation;
    private bool _isCommitting;

    internal Transaction(Connection connection, ConnectionAgent agent)
    {
        _connection = connection;
        _agent = agent;
    }

    /// <summary>How many operations it holds.</summary>
    public int Count => _operations.Count;

    /// <summary>Adds a message.</summary>
    /// <param name="publication">Where to: its exchange, its level. The commit waits for the highest level among them.</param>
    /// <param name="body">Copied.</param>
    /// <param name="properties"><c>null</c> for none. Copied.</param>
    /// <param name="routingKey">UTF-8 of at most 255 bytes; empty for the publication's.</param>
    /// <exception cref="LowLatencyException">The publication is closed, or the message is too large.</exception>
    /// <exception cref="InvalidOperationException">The commit is under way.</exception>
    public void Publish(Publication publication, ReadOnlySpan<byte> body, MessageProperties? properties = null, ReadOnlySpan<byte> routingKey = default)
    {
        ArgumentNullException.ThrowIfNull(publication);
        CheckOpen(publication.Connection);
        ReadOnlySpan<byte> headers = properties == null ? default : properties.Headers;
        publication.CheckForTransaction(body.Length, headers.Length, routingKey.Length);
        int length = FrameWriter.PublishLength(routingKey.Length, headers.Length, body.Length);
        FrameWriter.WritePublish(Room(length), 0, 0, UnixClock.NowNs(), routingKey, headers, body, PublishFlags.InTransaction);
        Add(new Operation(publication, null, _length, length, 0, 0));
    }

    /// <summary>Done with one delivery.</summary>
    public void Ack(Subscription subscription, ulong tag) => Settle(SettleKind.Ack, subscription, tag, tag);

    /// <summary>Done with a message.</summary>
    public void Ack(Message message)
    {
        ArgumentNullException.ThrowIfNull(message);
        Ack(message.Subscription, message.Tag);
    }

    /// <summary>Done with the unsettled deliveries from one to another.</summary>
    public void AckRange(Subscription subscription, ulong first, ulong last) => Settle(SettleKind.Ack, subscription, first, last);

    /// <summary>Done with every unsettled delivery up to one.</summary>
    public void AckUpTo(Subscription subscription, ulong tag) => Settle(SettleKind.Ack, subscription, 0, tag);

    /// <summary>One delivery is not wanted.</summary>
    public void Reject(Subscription subscription, ulong tag) => Settle(SettleKind.Reject, subscription, tag, tag);

    /// <summary>Gives one delivery back.</summary>
    public void Requeue(Subscription subscription, ulong tag) => Settle(SettleKind.Requeue, subscription, tag, tag);

    /// <summary>Carries everything out.</summary>
    /// <returns>How many operations there were, once all of them are as durable as the most durable of its publications asks for.</returns>
    /// <exception cref="LowLatencyException">Nothing was done: an operation would be refused, the transaction is too large, or the connection was lost while it
    /// was open. Or <see cref="ErrorCode.NotConnected"/> with the commit under way: then it is not known.</exception>
    public async Task<long> CommitAsync(CancellationToken cancellation = default)
    {
        Request request = Begin();
        try
        {
            return (await _connection.SendAsync(request, cancellation).ConfigureAwait(false)).Count;
        }
        finally
        {
            End();
        }
    }

    /// <inheritdoc cref="CommitAsync"/>
    /// <remarks>Blocks until the broker has answered; not from a handler.</remarks>
    public long Commit()
    {
        Request request = Begin();
        try
        {
            return _connection.Await(request).Count;
        }
        finally
        {
            End();
        }
    }

    /// <summary>Forgets everything: the messages, and the settlements, whose deliveries are still to be settled.</summary>
    /// <exception cref="InvalidOperationException">The commit is under way.</exception>
    public void Rollback()
    {
        CheckOpen(_connection);
        End();
    }

    /// <inheritdoc cref="Rollback"/>
    public Task RollbackAsync()
    {
        Rollback();
        return Task.CompletedTask; // The broker knows nothing of it yet.
    }

    /// <summary>Why the commit cannot be sent on the present connection, if so. The connection's thread.</summary>
    internal LowLatencyException? Problem(int generation)
    {
        if (generation != _generation)
        {
            return new LowLatencyException(ErrorCode.NotConnected,
                "The connection was lost while the transaction was open: nothing in it was done, and its deliveries come again. Begin it anew.");
        }

        foreach (ref readonly Operation operation in System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_operations))
        {
            if (operation.Publication is { IsOpen: false, IsClosed: true } || operation.Subscription is { IsOpen: false, IsClosed: true })
            {
                return new LowLatencyException(ErrorCode.UnknownHandle,
                    "A publication or subscription of the transaction was closed before the commit: nothing in it was done.");
            }
        }

        return null;
    }

    /// <summary>Sends the operations, in order. The connection's thread.</summary>
    /// <returns>False: no room for all at the moment, or after a reconnect not everything is open again yet.</returns>
    internal bool TrySendOperations(Door door)
    {
        while (_sent < _operations.Count)
        {
            Operation operation = _operations[_sent];
            if (operation.Publication is { IsOpen: false } || operation.Subscription is { IsOpen: false })
                return false;
            Span<byte> frame = _frames.AsSpan(operation.Offset, operation.Length);
            if (operation.Publication is { } publication)
                System.Runtime.InteropServices.MemoryMarshal.AsRef<PublishFrame>(frame).Publication = publication.Handle;
            else
                System.Runtime.InteropServices.MemoryMarshal.AsRef<SettleFrame>(frame).Subscription = operation.Subscription!.Handle;
            if (!door.TrySendOperation(frame))
                return false;
            _sent++;
        }

        return true;
    }

    /// <summary>The broker has carried it out. The connection's thread.</summary>
    internal void OnCommitted()
    {
        foreach (Operation operation in _operations)
            operation.Subscription?.OnSettled(Math.Max(1, operation.FirstTag), operation.LastTag);
    }

    /// <summary>The connection was lost after the commit had been sent.</summary>
    internal static LowLatencyException Unknown() => new(ErrorCode.NotConnected,
        "The connection was lost while the commit was under way: whether the transaction was carried out is not known. Look at what it changes before you do it again.");

    private void Settle(SettleKind kind, Subscription subscription, ulong first, ulong last)
    {
        ArgumentNullException.ThrowIfNull(subscription);
        CheckOpen(subscription.Connection);
        ulong tagBase = subscription.CheckForTransaction(first, last);
        int length = FrameWriter.LengthOf<SettleFrame>(0);
        FrameWriter.WriteSettle(Room(length), 0, kind, first == 0 ? 0 : first - tagBase, last - tagBase, 0, 0, SettleFlags.InTransaction);
        Add(new Operation(null, subscription, _length, length, first, last));
    }

    private void Add(Operation operation)
    {
        if (_operations.Count == 0)
            _generation = _agent.Generation;
        _length += operation.Length;
        _operations.Add(operation);
    }

    private Request Begin()
    {
        CheckOpen(_connection);
        if (_operations.Count == 0)
            _generation = _agent.Generation;
        _isCommitting = true;
        _sent = 0;
        return new Request(CommandType.CommitTransaction) { Transaction = this, Body = RequestBody.Of(default(RequestCommand)) };
    }

    private void End()
    {
        _operations.Clear();
        _length = 0;
        _isCommitting = false;
    }

    private Span<byte> Room(int length)
    {
        if (_length + length > _frames.Length)
            Array.Resize(ref _frames, Math.Max(_frames.Length * 2, _length + length));
        return _frames.AsSpan(_length, length);
    }

    private void CheckOpen(Connection connection)
    {
        if (_isCommitting)
            throw new InvalidOperationException("The transaction is being committed: wait for that, then begin anew.");
        if (connection != _connection)
            throw new InvalidOperationException("A transaction is of one connection: this publication or subscription is of another.");
    }

    /// <param name="Publication">Of a message.</param>
    /// <param name="Subscription">Of a settlement.</param>
    /// <param name="Offset">Of its frame.</param>
    /// <param name="Length">Of its frame.</param>
    /// <param name="FirstTag">Of a settlement, the user's; 0 for all up to the last.</param>
    /// <param name="LastTag">Of a settlement, the user's.</param>
    private readonly record struct Operation(Publication? Publication, Subscription? Subscription, int Offset, int Length, ulong FirstTag, ulong LastTag);
}
