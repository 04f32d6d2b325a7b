using LowLatency.Core.Engine;

namespace LowLatency.Client;

/// <content>Requests: each fails with a <see cref="LowLatencyException"/> that has the broker's code and sentence, or after <see cref="ConnectionOptions.RequestTimeout"/>.</content>
public sealed partial class Connection
{
    private const int ParkMs = 10;

    /// <summary>Declares a queue; does nothing where it exists with these properties. Declared again after a reconnect.</summary>
    /// <param name="name">1 to 255 bytes of UTF-8; empty: the broker names it (<see cref="QueueInfo.Name"/>), and anew after a reconnect when it is gone then.</param>
    /// <param name="options"><c>null</c>: durable, with the broker's default length.</param>
    /// <exception cref="LowLatencyException">It exists with other properties, a limit is reached, or there was no answer in time.</exception>
    /// <remarks>Blocks until the broker has answered, as every request that is not async; not from a handler. In <see cref="ConnectionMode.Polled"/> it polls meanwhile: handlers may run.</remarks>
    public QueueInfo DeclareQueue(string name, QueueOptions? options = null) 
        => Info(Await(Request.DeclareQueue(name, options ?? new QueueOptions())));

    /// <inheritdoc cref="DeclareQueue"/>
    /// <remarks>In <see cref="ConnectionMode.Polled"/> the task completes while the connection is polled; so do those of all async requests.</remarks>
    public async Task<QueueInfo> DeclareQueueAsync(string name, QueueOptions? options = null, CancellationToken cancellation = default)
        => Info(await SendAsync(Request.DeclareQueue(name, options ?? new QueueOptions()), cancellation).ConfigureAwait(false));

    /// <summary>Opens a publication. Opened again, under the same publisher name, after a reconnect.</summary>
    /// <exception cref="LowLatencyException">The exchange does not exist, a limit is reached, an option is out of range, or there was no answer in time.</exception>
    public Publication OpenPublication(PublicationOptions options)
    {
        Publication publication = CreatePublication(options);
        Await(new Request(CommandType.OpenPublication) { Publication = publication });
        return publication;
    }

    /// <inheritdoc cref="OpenPublication"/>
    public async Task<Publication> OpenPublicationAsync(PublicationOptions options, CancellationToken cancellation = default)
    {
        Publication publication = CreatePublication(options);
        await SendAsync(new Request(CommandType.OpenPublication) { Publication = publication }, cancellation).ConfigureAwait(false);
        return publication;
    }

    /// <summary>Subscribes to a queue with a handler. Subscribed again after a reconnect.</summary>
    /// <param name="queue">The queue's name.</param>
    /// <param name="handler">Takes the deliveries; may run before this returns.</param>
    /// <param name="options"><c>null</c> for the defaults.</param>
    /// <exception cref="LowLatencyException">There is no such queue, a limit is reached, or there was no answer in time.</exception>
    public Subscription Subscribe(string queue, DeliveryHandler handler, SubscriptionOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(handler);
        return Subscribed(CreateSubscription(queue, handler, options));
    }

    /// <inheritdoc cref="Subscribe(string, DeliveryHandler, SubscriptionOptions?)"/>
    public Task<Subscription> SubscribeAsync(string queue, DeliveryHandler handler, SubscriptionOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(handler);
        return SubscribedAsync(CreateSubscription(queue, handler, options), cancellation);
    }

    /// <summary>Subscribes to a queue, to be read with <c>await foreach</c>. Subscribed again after a reconnect.</summary>
    /// <param name="queue">The queue's name.</param>
    /// <param name="options"><c>null</c> for the defaults.</param>
    /// <exception cref="LowLatencyException">There is no such queue, a limit is reached, or there was no answer in time.</exception>
    /// <exception cref="InvalidOperationException">In <see cref="ConnectionMode.Polled"/>, where the reader would keep the one thread from polling.</exception>
    public Subscription Subscribe(string queue, SubscriptionOptions? options = null) => Subscribed(CreateSubscription(queue, null, options));

    /// <inheritdoc cref="Subscribe(string, SubscriptionOptions?)"/>
    public Task<Subscription> SubscribeAsync(string queue, SubscriptionOptions? options = null, CancellationToken cancellation = default)
        => SubscribedAsync(CreateSubscription(queue, null, options), cancellation);

    /// <summary>Opens a requester: requests with replies. Restored, with a new address, after a reconnect.</summary>
    /// <exception cref="LowLatencyException">The connection has one already, the exchange does not exist, or there was no answer in time.</exception>
    public Requester OpenRequester(RequesterOptions? options = null)
    {
        var requester = new Requester(options ?? new RequesterOptions());
        Subscription replies = Subscribe(ReplyQueue, requester.OnReply, Requester.ReplyOptions);
        requester.Open(replies, OpenPublication(requester.PublicationOptions));
        return requester;
    }

    /// <inheritdoc cref="OpenRequester"/>
    public async Task<Requester> OpenRequesterAsync(RequesterOptions? options = null, CancellationToken cancellation = default)
    {
        var requester = new Requester(options ?? new RequesterOptions());
        Subscription replies = await SubscribeAsync(ReplyQueue, requester.OnReply, Requester.ReplyOptions, cancellation).ConfigureAwait(false);
        requester.Open(replies, await OpenPublicationAsync(requester.PublicationOptions, cancellation).ConfigureAwait(false));
        return requester;
    }

    internal Task<RequestResult> SendAsync(Request request, CancellationToken cancellation)
    {
        _agent.Post(request);
        return cancellation.CanBeCanceled ? WithCancellation(request, cancellation) : request.Task;
    }

    internal RequestResult Await(Request request)
    {
        if (_agent.IsTurning && _agent.IsOwnThread)
            throw new InvalidOperationException("A handler must not wait for the broker's answer, which comes on this thread: use the async request and do not wait for it here.");
        _agent.Post(request);
        if (_runner == null)
            PollUntil(request.Task, long.MaxValue);
        return request.Task.GetAwaiter().GetResult();
    }

    private static async Task<RequestResult> WithCancellation(Request request, CancellationToken cancellation)
    {
        using CancellationTokenRegistration registration = cancellation.UnsafeRegister(
            static (request, token) => ((Request)request!).Cancel(token), request);
        return await request.Task.ConfigureAwait(false);
    }

    // Polled: requests end by their answer, their time-out or the end of the connection.
    private void PollUntil(Task done, long deadlineMs)
    {
        while (!done.IsCompleted && Environment.TickCount64 < deadlineMs)
        {
            if (_agent.DoWork() == 0 && !done.IsCompleted)
                WaitForWork(ParkMs);
        }
    }

    private static QueueInfo Info(in RequestResult result) => new(result.Name, result.Count, result.Consumers);

    private Publication CreatePublication(PublicationOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Check();
        return new Publication(_agent, this, options);
    }

    private Subscription CreateSubscription(string queue, DeliveryHandler? handler, SubscriptionOptions? options)
    {
        Names.Check(queue, "queue's name");
        options ??= new SubscriptionOptions();
        options.Check();
        if (handler == null && _runner == null && options.Credit > 0)
            throw new InvalidOperationException("On a polled connection subscribe with a handler: a reader would keep the one thread from polling.");
        return new Subscription(_agent, this, queue, handler, options);
    }

    private Subscription Subscribed(Subscription subscription)
    {
        Await(new Request(CommandType.Subscribe) { Subscription = subscription });
        return subscription;
    }

    private async Task<Subscription> SubscribedAsync(Subscription subscription, CancellationToken cancellation)
    {
        await SendAsync(new Request(CommandType.Subscribe) { Subscription = subscription }, cancellation).ConfigureAwait(false);
        return subscription;
    }
}
