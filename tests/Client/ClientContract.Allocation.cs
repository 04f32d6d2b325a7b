using LowLatency.Client;
using Xunit;

namespace LowLatency.Tests.Client;

/// <content>The hot path allocates nothing.</content>
public abstract partial class ClientContract
{
    [Fact]
    public void ShouldAllocateNothingInPolledSteadyState()
    {
        Connection connection = Connect(ConnectionMode.Polled);
        connection.DeclareQueue("q");
        long received = 0;
        connection.Subscribe("q", (Subscription subscription, in Delivery delivery) =>
        {
            received += delivery.Body.Length == 128 ? 1 : 0;
            switch (delivery.Tag % 4)
            {
                case 0:
                    subscription.AckUpTo(delivery.Tag);
                    break;
                case 1:
                    subscription.AckRange(delivery.Tag, delivery.Tag);
                    break;
                default:
                    subscription.Ack(delivery.Tag);
                    break;
            }
        });
        long confirmed = 0;
        Publication publication = connection.OpenPublication(To("q") with { OnConfirm = (_, upTo, _) => confirmed = (long)upTo });
        byte[] body = new byte[128];
        Run(20_000);

        long before = GC.GetAllocatedBytesForCurrentThread();
        Run(50_000);
        long after = GC.GetAllocatedBytesForCurrentThread();

        Assert.Equal(70_000, received);
        Assert.Equal(70_000, confirmed);
        Assert.Equal(0, after - before);

        void Run(int count)
        {
            long target = received + count;
            long deadline = Environment.TickCount64 + Eventually.DeadlineMs;
            int published = 0;
            while ((received < target || !publication.IsIdle) && Environment.TickCount64 < deadline)
            {
                for (int i = 0; i < 64 && published < count && publication.TryPublish(body) == PublishStatus.Accepted; i++)
                    published++;
                if (connection.Poll() == 0)
                    connection.WaitForWork(1);
            }
        }
    }
}
