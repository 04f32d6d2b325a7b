using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Globalization;
using LowLatency.Core.Engine;

namespace LowLatency.Client;

/// <summary>Sends requests and waits for their replies, by a reply address of its own and correlation ids.</summary>
/// <remarks>
/// <para>Whoever takes a request publishes the answer to the default exchange with <see cref="Properties.ReplyTo"/> as routing key and the same correlation id:
/// <see cref="Publication.ReplyAsync"/> does that. Replies are not stored; nobody else can take them.</para>
/// <para>The address ends with its connection: requests under way then fail, and whether they were carried out is not known. Later ones have a new address. Any thread (in
/// <see cref="ConnectionMode.Polled"/> the one that polls).</para>
/// </remarks>
public sealed class Requester : IAsyncDisposable, IDisposable
{
    private readonly RequesterOptions _options;
    private readonly ConcurrentDictionary<long, TaskCompletionSource<Message>> _pending = new();
    private Publication? _publication;
    private Subscription? _replies;
    private long _lastId;

    internal Requester(RequesterOptions options) => _options = options;

    /// <summary>Where replies come to. Another one after a reconnect.</summary>
    public string Address => _replies!.Queue;

    /// <summary>Requests that wait for a reply.</summary>
    public int PendingCount => _pending.Count;

    internal static SubscriptionOptions ReplyOptions => new() { NoAck = true };

    internal PublicationOptions PublicationOptions => new()
    {
        Exchange = _options.Exchange, RoutingKey = _options.RoutingKey, Durability = _options.Durability, Window = _options.Window, Mandatory = true,
    };

    /// <summary>Sends a request.</summary>
    /// <param name="body">Must not change until the task is complete.</param>
    /// <param name="routingKey">Empty for that of the options.</param>
    /// <param name="properties">Further properties; its reply-to and correlation id are set here. Not used after the call.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <returns>The reply. There is nothing to settle.</returns>
    /// <exception cref="PublishRejectedException">The broker did not take it, for example because no queue is bound for it.</exception>
    /// <exception cref="LowLatencyException"><see cref="ErrorCode.Timeout"/>: no reply in time. <see cref="ErrorCode.NotConnected"/>: the connection was lost, or is not there.</exception>
    public async Task<Message> RequestAsync(
        ReadOnlyMemory<byte> body, string routingKey = "", MessageProperties? properties = null, CancellationToken cancellation = default)
    {
        if (!_replies!.IsOpen)
            throw Lost();
        properties ??= new MessageProperties();
        long id = Interlocked.Increment(ref _lastId);
        properties.CorrelationId = id.ToString(CultureInfo.InvariantCulture);
        properties.ReplyTo = Address;
        var waiting = new TaskCompletionSource<Message>(TaskCreationOptions.RunContinuationsAsynchronously);
        _pending[id] = waiting;
        try
        {
            ValueTask<Confirmation> published = _publication!.PublishAsync(body, properties, routingKey, cancellation);
            await published.ConfigureAwait(false);
            return await waiting.Task.WaitAsync(_options.Timeout, cancellation).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            throw new LowLatencyException(ErrorCode.Timeout, $"No reply within {_options.Timeout.TotalMilliseconds:0} ms: whether the request was carried out is not known.");
        }
        finally
        {
            _pending.TryRemove(id, out _);
        }
    }

    /// <summary>Gives the address back; what waits for a reply fails.</summary>
    public void Dispose()
    {
        _replies?.Dispose();
        _publication?.Dispose();
        FailPending();
    }

    /// <inheritdoc cref="Dispose"/>
    public async ValueTask DisposeAsync()
    {
        if (_replies != null)
            await _replies.CloseAsync().ConfigureAwait(false);
        if (_publication != null)
            await _publication.CloseAsync().ConfigureAwait(false);
        FailPending();
    }

    internal void Open(Subscription replies, Publication publication)
    {
        _replies = replies;
        _publication = publication;
        replies.Lost = FailPending;
    }

    /// <summary>A reply. The connection's thread.</summary>
    internal void OnReply(Subscription subscription, in Delivery delivery)
    {
        ReadOnlySpan<byte> correlation = delivery.Properties.CorrelationId;
        if (Utf8Parser.TryParse(correlation, out long id, out int used) && used == correlation.Length && _pending.TryRemove(id, out TaskCompletionSource<Message>? waiting))
            waiting.TrySetResult(new Message(subscription, in delivery));
    }

    private void FailPending()
    {
        foreach (long id in _pending.Keys)
        {
            if (_pending.TryRemove(id, out TaskCompletionSource<Message>? waiting))
            {
                waiting.TrySetException(Lost());
                _ = waiting.Task.Exception; // Looked at: its caller may still wait for the confirm.
            }
        }
    }

    private static LowLatencyException Lost() => new(ErrorCode.NotConnected,
        "The address for replies went with its connection: whether requests under way were carried out is not known. Ask again when the connection is ready.");
}
