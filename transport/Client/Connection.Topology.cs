using LowLatency.Core.Engine;

namespace LowLatency.Client;

/// <content>Queues, exchanges, bindings, virtual hosts; and what is about the whole connection.</content>
public sealed partial class Connection
{
    /// <summary>Deletes a queue with its messages and bindings.</summary>
    /// <param name="name">Of the queue.</param>
    /// <param name="ifUnused">Only where nobody subscribes to it.</param>
    /// <param name="ifEmpty">Only where it holds no message.</param>
    /// <returns>How many messages were ready.</returns>
    /// <exception cref="LowLatencyException">There is none of that name, it is in use or not empty, or there was no answer in time.</exception>
    public long DeleteQueue(string name, bool ifUnused = false, bool ifEmpty = false) => Await(QueueDeletion(name, ifUnused, ifEmpty)).Count;

    /// <inheritdoc cref="DeleteQueue"/>
    public Task<long> DeleteQueueAsync(string name, bool ifUnused = false, bool ifEmpty = false, CancellationToken cancellation = default)
        => CountAsync(QueueDeletion(name, ifUnused, ifEmpty), cancellation);

    /// <summary>Removes the messages of a queue that are ready or scheduled; what is unsettled stays.</summary>
    /// <returns>How many.</returns>
    /// <exception cref="LowLatencyException">There is none of that name, or there was no answer in time.</exception>
    public long PurgeQueue(string name) => Await(Request.Named(CommandType.PurgeQueue, name)).Count;

    /// <inheritdoc cref="PurgeQueue"/>
    public Task<long> PurgeQueueAsync(string name, CancellationToken cancellation = default)
        => CountAsync(Request.Named(CommandType.PurgeQueue, name), cancellation);

    /// <summary>Declares an exchange; does nothing where it exists with these properties. Declared again after a reconnect.</summary>
    /// <param name="name">1 to 255 bytes of UTF-8.</param>
    /// <param name="options"><c>null</c>: a durable direct one.</param>
    /// <exception cref="LowLatencyException">It exists with other properties, a limit is reached, or there was no answer in time.</exception>
    public void DeclareExchange(string name, ExchangeOptions? options = null) => Await(Request.DeclareExchange(name, options ?? new ExchangeOptions()));

    /// <inheritdoc cref="DeclareExchange(string, ExchangeOptions?)"/>
    public Task DeclareExchangeAsync(string name, ExchangeOptions? options = null, CancellationToken cancellation = default)
        => SendAsync(Request.DeclareExchange(name, options ?? new ExchangeOptions()), cancellation);

    /// <summary>Deletes an exchange with its bindings.</summary>
    /// <param name="name">Of the exchange.</param>
    /// <param name="ifUnused">Only where nothing is bound to it.</param>
    /// <exception cref="LowLatencyException">There is none of that name, it is in use, or there was no answer in time.</exception>
    public void DeleteExchange(string name, bool ifUnused = false) => Await(ExchangeDeletion(name, ifUnused));

    /// <inheritdoc cref="DeleteExchange"/>
    public Task DeleteExchangeAsync(string name, bool ifUnused = false, CancellationToken cancellation = default)
        => SendAsync(ExchangeDeletion(name, ifUnused), cancellation);

    /// <summary>Lets an exchange route messages with a routing key to a queue. Bound again after a reconnect.</summary>
    /// <param name="exchange">The source.</param>
    /// <param name="queue">The destination.</param>
    /// <param name="routingKey">Key or pattern; of a consistent-hash exchange the weight.</param>
    /// <param name="arguments">Of a headers exchange: <see cref="BindingArguments"/>.</param>
    /// <exception cref="LowLatencyException">Exchange or queue do not exist, a limit is reached, or there was no answer in time.</exception>
    public void Bind(string exchange, string queue, string routingKey = "", FieldTable? arguments = null)
        => Await(Request.Binding(CommandType.Bind, exchange, queue, routingKey, toExchange: false, arguments));

    /// <inheritdoc cref="Bind"/>
    public Task BindAsync(string exchange, string queue, string routingKey = "", FieldTable? arguments = null, CancellationToken cancellation = default)
        => SendAsync(Request.Binding(CommandType.Bind, exchange, queue, routingKey, toExchange: false, arguments), cancellation);

    /// <summary>Takes a binding away: the one with this key and these arguments.</summary>
    /// <inheritdoc cref="Bind"/>
    public void Unbind(string exchange, string queue, string routingKey = "", FieldTable? arguments = null)
        => Await(Request.Binding(CommandType.Unbind, exchange, queue, routingKey, toExchange: false, arguments));

    /// <inheritdoc cref="Unbind"/>
    public Task UnbindAsync(string exchange, string queue, string routingKey = "", FieldTable? arguments = null, CancellationToken cancellation = default)
        => SendAsync(Request.Binding(CommandType.Unbind, exchange, queue, routingKey, toExchange: false, arguments), cancellation);

    /// <summary>Lets an exchange route messages to another exchange, which goes on by its own rules. Bound again after a reconnect.</summary>
    /// <param name="source">Where messages come from.</param>
    /// <param name="destination">Where they go to.</param>
    /// <param name="routingKey">Key or pattern, as the source's type has it.</param>
    /// <param name="arguments">Of a headers exchange: <see cref="BindingArguments"/>.</param>
    /// <exception cref="LowLatencyException">One of them does not exist, a limit is reached, or there was no answer in time.</exception>
    public void BindExchange(string source, string destination, string routingKey = "", FieldTable? arguments = null)
        => Await(Request.Binding(CommandType.Bind, source, destination, routingKey, toExchange: true, arguments));

    /// <inheritdoc cref="BindExchange"/>
    public Task BindExchangeAsync(string source, string destination, string routingKey = "", FieldTable? arguments = null, CancellationToken cancellation = default)
        => SendAsync(Request.Binding(CommandType.Bind, source, destination, routingKey, toExchange: true, arguments), cancellation);

    /// <summary>Takes a binding between exchanges away: the one with this key and these arguments.</summary>
    /// <inheritdoc cref="BindExchange"/>
    public void UnbindExchange(string source, string destination, string routingKey = "", FieldTable? arguments = null)
        => Await(Request.Binding(CommandType.Unbind, source, destination, routingKey, toExchange: true, arguments));

    /// <inheritdoc cref="UnbindExchange"/>
    public Task UnbindExchangeAsync(string source, string destination, string routingKey = "", FieldTable? arguments = null, CancellationToken cancellation = default)
        => SendAsync(Request.Binding(CommandType.Unbind, source, destination, routingKey, toExchange: true, arguments), cancellation);

    /// <summary>Declares a virtual host; does nothing where it exists with these limits. To use it connect to it: <see cref="ConnectionOptions.VirtualHost"/>.</summary>
    /// <exception cref="LowLatencyException">It exists with other limits, a limit is reached, or there was no answer in time.</exception>
    public void DeclareVirtualHost(string name, VirtualHostOptions? options = null) => Await(Request.DeclareVirtualHost(name, options ?? new VirtualHostOptions()));

    /// <inheritdoc cref="DeclareVirtualHost"/>
    public Task DeclareVirtualHostAsync(string name, VirtualHostOptions? options = null, CancellationToken cancellation = default)
        => SendAsync(Request.DeclareVirtualHost(name, options ?? new VirtualHostOptions()), cancellation);

    /// <summary>Deletes a virtual host with all that is in it; its connections end.</summary>
    /// <exception cref="LowLatencyException">There is none of that name, or there was no answer in time.</exception>
    public void DeleteVirtualHost(string name) => Await(Request.Named(CommandType.DeleteVirtualHost, name));

    /// <inheritdoc cref="DeleteVirtualHost"/>
    public Task DeleteVirtualHostAsync(string name, CancellationToken cancellation = default)
        => SendAsync(Request.Named(CommandType.DeleteVirtualHost, name), cancellation);

    /// <summary>Gives back every unsettled delivery of this connection: they come again. Settling what came before is then ignored.</summary>
    /// <returns>How many.</returns>
    /// <exception cref="LowLatencyException">There was no answer in time.</exception>
    public long Recover() => Await(Request.Plain(CommandType.Recover)).Count;

    /// <inheritdoc cref="Recover"/>
    public Task<long> RecoverAsync(CancellationToken cancellation = default) => CountAsync(Request.Plain(CommandType.Recover), cancellation);

    /// <summary>Bounds the unsettled deliveries of all subscriptions of this connection together; 0 for no bound. Set again after a reconnect.</summary>
    /// <exception cref="LowLatencyException">There was no answer in time.</exception>
    public void SetMaxUnacked(int limit) => Await(MaxUnacked(limit));

    /// <inheritdoc cref="SetMaxUnacked"/>
    public Task SetMaxUnackedAsync(int limit, CancellationToken cancellation = default) => SendAsync(MaxUnacked(limit), cancellation);

    /// <summary>Begins a transaction.</summary>
    public Transaction BeginTransaction() => new(this, _agent);

    private async Task<long> CountAsync(Request request, CancellationToken cancellation)
        => (await SendAsync(request, cancellation).ConfigureAwait(false)).Count;

    private static Request QueueDeletion(string name, bool ifUnused, bool ifEmpty)
        => Request.Named(CommandType.DeleteQueue, name, (uint)((ifUnused ? DeleteFlags.IfUnused : 0) | (ifEmpty ? DeleteFlags.IfEmpty : 0)));

    private static Request ExchangeDeletion(string name, bool ifUnused)
        => Request.Named(CommandType.DeleteExchange, name, (uint)(ifUnused ? DeleteFlags.IfUnused : 0));

    private static Request MaxUnacked(int limit)
    {
        Ranges.Check(limit, 0, int.MaxValue, nameof(limit), "messages");
        return Request.Plain(CommandType.SetMaxUnacked, (uint)limit);
    }
}
