using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace LowLatency.Client;

/// <content>The everyday path: <c>await foreach</c>.</content>
public sealed partial class Subscription : IAsyncEnumerable<Message>
{
    // Holds no more than the credit: what is in it is unsettled. After a reconnect, for a moment, twice that.
    private readonly Channel<Message>? _messages;

    /// <summary>The messages, one by one, until the subscription or its connection is closed.</summary>
    /// <param name="cancellation">Ends the reading. What was not read stays unsettled.</param>
    /// <exception cref="InvalidOperationException">The subscription has a handler.</exception>
    /// <exception cref="LowLatencyException">The subscription was ended by the broker or by an error.</exception>
    /// <remarks>Any thread; each message goes to one reader. Settle each one: at most <see cref="SubscriptionOptions.Credit"/> are unsettled at a time.</remarks>
    public async IAsyncEnumerable<Message> ReadAllAsync([EnumeratorCancellation] CancellationToken cancellation = default)
    {
        ChannelReader<Message> reader = _messages?.Reader
            ?? throw new InvalidOperationException("This subscription has a handler, which takes its messages, or no credit. Subscribe without a handler and with credit to read them.");
        while (await reader.WaitToReadAsync(cancellation).ConfigureAwait(false))
        {
            while (reader.TryRead(out Message? message))
            {
                // What was delivered on a lost connection and not read comes again.
                if (message.Tag <= Volatile.Read(ref _staleTag))
                    continue;
                if (_options.IsSettledByDelivery)
                    OnRead(message.Tag);
                yield return message;
            }
        }
    }

    /// <inheritdoc/>
    public IAsyncEnumerator<Message> GetAsyncEnumerator(CancellationToken cancellationToken = default)
        => ReadAllAsync(cancellationToken).GetAsyncEnumerator(cancellationToken);

    private void OnRead(ulong tag)
    {
        _foreign.Add(new Settlement(TakenKind, tag, tag));
        _agent.WakeUp();
    }

    private static Channel<Message> CreateMessages() => Channel.CreateUnbounded<Message>(new UnboundedChannelOptions { SingleWriter = true });
}
