using System.Runtime.CompilerServices;
using LowLatency.Core.Engine;
using LowLatency.Core.Rings;

namespace LowLatency.Client;

/// <summary>A stream of messages to one exchange, in order, each confirmed or rejected by the broker.</summary>
/// <remarks>
/// <para><c>settled &lt;= sent &lt;= appended &lt;= settled + window</c>, all of them sequences. Over tcp a message stays in the publication's memory
/// until it is settled, and is sent again after a reconnect; the broker recognises what it has. In-process no copy is kept: what was
/// undecided when the broker went is reported as rejected with <see cref="ErrorCode.NotConnected"/>, its fate unknown.</para>
/// <para>One thread at a time may call <c>TryPublish</c> (in <see cref="ConnectionMode.Polled"/> the one that polls). <c>PublishAsync</c> may be called from
/// several; a thread that calls <c>TryPublish</c> beside them must not start before the first <c>PublishAsync</c> has returned its task.</para>
/// </remarks>
public sealed partial class Publication : IDisposable, IAsyncDisposable
{
    private readonly ConnectionAgent _agent;
    private readonly PublicationOptions _options;
    private readonly Outlet _outlet;
    private readonly bool _isBackground;

    private PaddedPosition _appended; // Written by the publishing thread.
    private PaddedPosition _settled; // Written by the connection's thread, as are the fields below it.
    private ulong _settledCached; // The publishing thread's.

    private int _status = (int)PublishStatus.NotConnected;
    private int _window;
    private int _maxBodyLength;
    private string? _fullQueue;
    private Blocking? _blocking;
    private LowLatencyException? _error;
    private int _confirmedLevel;

    internal Publication(ConnectionAgent agent, Connection connection, PublicationOptions options)
    {
        _agent = agent;
        _options = options;
        Connection = connection;
        _isBackground = agent.IsBackground;
        string name = options.PublisherName.Length > 0 ? options.PublisherName : $"client-{Guid.NewGuid():N}";
        PublisherName = name;
        _decisions = new Decisions(options.Window);
        _outlet = agent.CreateOutlet(this, options);
    }

    /// <summary>The connection that it was opened on.</summary>
    public Connection Connection { get; }

    /// <summary>Name by which the broker recognises what is sent again.</summary>
    public string PublisherName { get; }

    /// <summary>Exchange that it publishes to; empty for the default one.</summary>
    public string Exchange => _options.Exchange;

    /// <summary>Routing key of messages that bring none of their own.</summary>
    public string RoutingKey => _options.RoutingKey;

    /// <summary>What is asked of confirms.</summary>
    public DurabilityLevel Durability => _options.Durability;

    /// <summary>Most undecided messages: what was asked for, or what the broker granted where that is less.</summary>
    public int Window => Volatile.Read(ref _window);

    /// <summary>What <see cref="TryPublish(ReadOnlySpan{byte})"/> would say now, its window and the message's length aside. Any thread.</summary>
    public PublishStatus Status => (PublishStatus)Volatile.Read(ref _status);

    /// <summary>The queue at its bound while <see cref="Status"/> is <see cref="PublishStatus.QueueFull"/>, else <c>null</c>. Any thread.</summary>
    public string? FullQueue => Volatile.Read(ref _fullQueue);

    /// <summary>Why and since when the broker holds confirms back; <c>null</c> while it does not. Messages are accepted until the window is full. Any thread.</summary>
    public Blocking? Blocking => Volatile.Read(ref _blocking);

    /// <summary>Why <see cref="Status"/> is <see cref="PublishStatus.Closed"/>; <c>null</c> when the user closed it, or it is open. Any thread.</summary>
    public LowLatencyException? Error => Volatile.Read(ref _error);

    /// <summary>Sequence of the last message accepted; 0 before the first of a new publisher. Any thread.</summary>
    public ulong LastSequence => (ulong)_appended.ReadAcquire();

    /// <summary>Every message up to this sequence is decided: confirmed, or reported as rejected. Any thread.</summary>
    public ulong ConfirmedSequence => (ulong)_settled.ReadAcquire();

    /// <summary>Level of the last confirm; <see cref="DurabilityLevel.None"/> before the first. Any thread.</summary>
    public DurabilityLevel ConfirmedLevel => (DurabilityLevel)Volatile.Read(ref _confirmedLevel);

    /// <summary>Messages accepted and not decided. Any thread; in motion unless nobody publishes.</summary>
    public int InFlight => (int)(LastSequence - ConfirmedSequence);

    /// <summary>Whether every message accepted is decided, and none waits in <c>PublishAsync</c>. Any thread.</summary>
    public bool IsIdle => InFlight == 0 && !HasPending;

    /// <summary>The request that opens it.</summary>
    internal byte[] OpenBody() => RequestBody.Of(
        new OpenPublicationCommand
        {
            Window = (uint)_options.Window,
            Level = (byte)_options.Durability,
            Flags = (byte)(_options.Mandatory ? PublicationFlags.Mandatory : PublicationFlags.None),
        },
        RequestBody.String(PublisherName), RequestBody.String(Exchange), RequestBody.String(RoutingKey));

    /// <summary>Publishes one message with the publication's routing key, if there is room now.</summary>
    /// <param name="body">0 bytes to the broker's limit. Copied before return.</param>
    /// <returns>Anything but <see cref="PublishStatus.Accepted"/>: it was not taken. <see cref="PublishStatus"/> says what to do.</returns>
    /// <remarks>
    /// One thread at a time. Never blocks or allocates. In <see cref="ConnectionMode.Polled"/> it goes out with the next <see cref="Connection.Poll"/>
    /// or <see cref="Connection.Flush"/>.
    /// </remarks>
    public PublishStatus TryPublish(ReadOnlySpan<byte> body) => TryPublish(body, default, default, 0, out _);

    /// <inheritdoc cref="TryPublish(ReadOnlySpan{byte})"/>
    /// <param name="body">0 bytes to the broker's limit. Copied before return.</param>
    /// <param name="sequence">The message's sequence, by which it is confirmed or rejected; 0 when it was not accepted.</param>
    public PublishStatus TryPublish(ReadOnlySpan<byte> body, out ulong sequence) => TryPublish(body, default, default, 0, out sequence);

    /// <inheritdoc cref="TryPublish(ReadOnlySpan{byte})"/>
    /// <param name="body">0 bytes to the broker's limit. Copied before return.</param>
    /// <param name="properties">Copied before return.</param>
    /// <param name="routingKey">UTF-8 of at most 255 bytes; empty for the publication's.</param>
    public PublishStatus TryPublish(ReadOnlySpan<byte> body, MessageProperties properties, ReadOnlySpan<byte> routingKey = default)
    {
        ArgumentNullException.ThrowIfNull(properties);
        return TryPublish(body, properties.Headers, routingKey, 0, out _);
    }

    /// <inheritdoc cref="TryPublish(ReadOnlySpan{byte})"/>
    /// <param name="body">0 bytes to the broker's limit. Copied before return.</param>
    /// <param name="headers">A content header (<see cref="MessageProperties.Headers"/>) or empty; at most 65,535 bytes. A malformed one is rejected.</param>
    /// <param name="routingKey">UTF-8 of at most 255 bytes; empty for the publication's.</param>
    /// <param name="sequence">The message's sequence, by which it is confirmed or rejected; 0 when it was not accepted.</param>
    public PublishStatus TryPublish(ReadOnlySpan<byte> body, ReadOnlySpan<byte> headers, ReadOnlySpan<byte> routingKey, out ulong sequence)
        => TryPublish(body, headers, routingKey, 0, out sequence);

    /// <inheritdoc cref="TryPublish(ReadOnlySpan{byte})"/>
    /// <param name="body">0 bytes to the broker's limit. Copied before return.</param>
    /// <param name="headers">A content header (<see cref="MessageProperties.Headers"/>) or empty; at most 65,535 bytes. A malformed one is rejected.</param>
    /// <param name="routingKey">UTF-8 of at most 255 bytes; empty for the publication's.</param>
    /// <param name="publishedNs">Unix time in nanoseconds that consumers see as <see cref="Delivery.PublishedNs"/>; 0 for now.</param>
    /// <param name="sequence">The message's sequence, by which it is confirmed or rejected; 0 when it was not accepted.</param>
    public PublishStatus TryPublish(
        ReadOnlySpan<byte> body, ReadOnlySpan<byte> headers, ReadOnlySpan<byte> routingKey, long publishedNs, out ulong sequence)
    {
        if (Volatile.Read(ref _isShared))
            return TryPublishShared(body, headers, routingKey, publishedNs, out sequence);
        PublishStatus status = Append(body, headers, routingKey, publishedNs, waiter: null, out sequence);
        if (status == PublishStatus.Accepted && _isBackground)
            _agent.WakeUp();
        return status;
    }

    private PublishStatus Append(
        ReadOnlySpan<byte> body, ReadOnlySpan<byte> headers, ReadOnlySpan<byte> routingKey, long publishedNs, PublishWaiter? waiter, out ulong sequence)
    {
        sequence = 0;
        // Acquire: pairs with the release in SetStatus, so that window and limits are those of the open publication.
        var status = (PublishStatus)Volatile.Read(ref _status);
        if (status != PublishStatus.Accepted)
            return status;
        if (body.Length > _maxBodyLength)
            return PublishStatus.BodyTooLarge;
        CheckLengths(headers.Length, routingKey.Length);
        ulong next = (ulong)_appended.Read() + 1;
        if (next - _settledCached > (ulong)_window && !RefreshSettled(next))
            return PublishStatus.WindowFull;
        status = _outlet.TryAppend(next, publishedNs, routingKey, headers, body, waiter);
        if (status == PublishStatus.Accepted)
            sequence = next;
        return status;
    }

    /// <summary>Counts a message whose bytes are in place. For the outlet, on the publishing thread.</summary>
    internal void Admit(ulong sequence, PublishWaiter? waiter)
    {
        if (waiter != null)
            _decisions.Expect(sequence, waiter);
        // Release: pairs with the acquire in SendPending. The message, and who waits for it, were stored before.
        _appended.WriteRelease((long)sequence);
    }

    [MethodImpl(MethodImplOptions.NoInlining)] // Reads the other thread's cache line: only when the cached value says full.
    private bool RefreshSettled(ulong next)
    {
        _settledCached = (ulong)_settled.ReadAcquire();
        return next - _settledCached <= (ulong)_window;
    }

    /// <exception cref="LowLatencyException">It is closed, or the message is too large.</exception>
    internal void CheckForTransaction(int body, int headers, int routingKey)
    {
        CheckLengths(headers, routingKey);
        if (IsClosed)
            throw ClosedError();
        if (Status != PublishStatus.NotConnected && body > _maxBodyLength)
            throw new PublishRejectedException(ErrorCode.ContentTooLarge, 0, "", $"A body of {body} bytes is too large: the broker takes {_maxBodyLength}.");
    }

    private static void CheckLengths(int headers, int routingKey)
    {
        if (headers > ushort.MaxValue || routingKey > byte.MaxValue)
            ThrowTooLong(headers, routingKey);
    }

    private static void ThrowTooLong(int headers, int routingKey)
        => throw new ArgumentException($"Headers of {headers} bytes and a routing key of {routingKey}: they may have {ushort.MaxValue} and {byte.MaxValue}.");

    /// <summary>Closes the publication; waits until the broker has answered. What is undecided stays so: <see cref="FlushAsync"/> before.</summary>
    /// <exception cref="LowLatencyException">The broker did not answer in time. It is closed on this side all the same.</exception>
    /// <remarks>Any thread, but not from a handler. Nobody may publish any more. Does nothing when it is closed.</remarks>
    public void Close()
    {
        if (BeginClose() is { } request)
            Connection.Await(request);
    }

    /// <inheritdoc cref="Close"/>
    public Task CloseAsync() => BeginClose() is { } request ? Connection.SendAsync(request, default) : Task.CompletedTask;

    /// <summary>Closes the publication without waiting for the broker's answer.</summary>
    public void Dispose() => _ = CloseAsync().ContinueWith(
        static closed => closed.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);

    /// <inheritdoc cref="CloseAsync"/>
    public ValueTask DisposeAsync() => new(CloseAsync());

    private Request? BeginClose()
        => Interlocked.Exchange(ref _status, (int)PublishStatus.Closed) == (int)PublishStatus.Closed
            ? null
            : Request.Close(this);
}
